// Where things are in the checkout. The compiled benchmark runs from build/bench/.
import path from 'node:path';

export const projectRoot = path.resolve(__dirname, '../..');
export const nativeBuildFolder = path.join(projectRoot, 'build/cmake-release');

export function nativeProgram(name: 'load_generator' | 'c_epoll' | 'c_uring'): string {
  return path.join(nativeBuildFolder, 'bench/native', name);
}
