// proactor/http: servers and clients of HTTP, and of all that is built on net, on connections of the Proactor.
export { createConnection, HttpAgent, HttpsAgent } from './agents';
export { type AttachOptions, attach } from './attach';
export {
  buildConnector,
  type Connector,
  type ConnectorCallback,
  type ConnectorOptions,
  type ConnectorTarget,
} from './connector';
export { type ShutdownOptions, shutdown } from './shutdown';
