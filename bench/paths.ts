// Where things are in the checkout. The compiled benchmark runs from build/bench/.
import path from 'node:path';

export const projectRoot = path.resolve(__dirname, '../..');
export const nativeBuildFolder = path.join(projectRoot, 'build/cmake-release');

export type NativeProgram =
  | 'echo_load'
  | 'churn_load'
  | 'bulk_load'
  | 'tls_churn_load'
  | 'tls_bulk_load'
  | 'c_epoll'
  | 'c_uring'
  | 'asio_epoll'
  | 'asio_uring';

export function nativeProgram(name: NativeProgram): string {
  return path.join(nativeBuildFolder, 'bench/native', name);
}
