// proactor/net as one value with its types behind it, for the default export. In a file of its own, since the compiler
// takes a module that imports itself for a circular definition.
export * as net from './index';
