// Imports the installed package from an ES module. The class is the one that require() gives.
import { createRequire } from 'node:module';
import { Proactor } from 'proactor';

const required = createRequire(import.meta.url)('proactor');
if (required.Proactor !== Proactor) throw new Error('import and require give different classes');
const report = Proactor.probe();
if (!report.available) {
  console.log(`io_uring cannot be used here (${report.reason}): not echoed`);
} else {
  for (const dispatch of ['loop', 'thread']) {
    const proactor = new Proactor({ dispatch });
    const result = await proactor.nop();
    await proactor.dispose();
    console.log(`import: ${dispatch} dispatch, nop -> ${result}`);
  }
}
