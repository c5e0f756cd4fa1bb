// What the package exports; nothing is defined here.

// Types of Node stand in the declarations. Without the reference a program has to name them itself ("types": ["node"]).
/// <reference types="node" preserve="true" />

export type { MultiShot, OneShot, OperationOptions } from './define-operation';
export { channels } from './diagnostics';
export { AbortError, type ProactorErrorCode, type SystemError } from './errors';
export { Chunk, Lease } from './io/chunk';
export type { DataHandler } from './io/receiver';
export { Stream } from './io/stream';
export type { StreamOptions } from './io/stream-options';
export { TcpStream } from './io/tcp';
export { type ConnectionHandler, type ListenOptions, TcpAcceptor } from './io/tcp-acceptor';
export type { ConnectOptions } from './io/tcp-connect';
export type { TcpSocketOptions } from './io/tcp-options';
export type { WriteCallback } from './io/write-callbacks';
export type { WriteData } from './io/write-data';
export type { ReceiveMessage, SendMessage } from './message';
export type { FilePosition, Operations } from './operations';
export { type Dispatch, Proactor, type ProactorOptions } from './proactor';
export type { ProbeFeatures, ProbeReport } from './probe';
export type { BufferRing } from './ring/buffer-ring';
export type { CompletionHandler, OperationId } from './ring/handler-table';
/** The kernel's numbers, under the kernel's names. */
export * as constants from './ring/kernel';
export { type BufferSource, Memory } from './ring/memory';
export type { Endpoint, SocketAddress, UnixEndpoint } from './socket-address';
export type { ProactorStats } from './stats';
