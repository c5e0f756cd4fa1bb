// What the package exports; nothing is defined here.
export { Proactor, type Dispatch, type ProactorOptions } from './proactor';
export type { Operations, Endpoint, FilePosition } from './operations';
export type { MultiShot, OneShot, OperationOptions } from './define-operation';
export type { ReceiveMessage, SendMessage } from './message';
export type { ProbeFeatures, ProbeReport } from './probe';
export type { ProactorStats } from './stats';
export type { CompletionHandler, OperationId } from './ring/handler-table';
export type { BufferRing } from './ring/buffer-ring';
export { Memory, type BufferSource } from './ring/memory';
export { AbortError, type ProactorErrorCode, type SystemError } from './errors';
export type { SocketAddress } from './socket-address';
export { channels } from './diagnostics';
export * as constants from './ring/kernel';
