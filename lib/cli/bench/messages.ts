// What the parent process and its servers and load generator tell each other, through Node's channel between processes.

/** What the servers are, by name. */
export const CONTENDERS = ['proactor-loop', 'proactor-thread', 'node-net'] as const;
export type Contender = (typeof CONTENDERS)[number];

export interface Load {
  readonly connections: number;
  /** Bytes in a message. */
  readonly size: number;
  /** Messages that a connection keeps outstanding. */
  readonly depth: number;
}

/** From a server, once it listens. */
export interface Listening {
  readonly port: number;
}

/** To the load generator: connect to a server, or load it for a while. */
export type LoadRequest =
  | { readonly kind: 'connect'; readonly contender: Contender; readonly port: number }
  | { readonly kind: 'trial'; readonly contender: Contender; readonly seconds: number };

/** From the load generator, to each request; `error` is '' where nothing went wrong. */
export interface LoadReply {
  readonly error: string;
  readonly trial?: Trial;
}

export interface Trial {
  /** Messages that came back whole and right, those included that were outstanding at the end of the time. */
  readonly messages: number;
  /** Those without these, for each second. */
  readonly messagesPerSecond: number;
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
}
