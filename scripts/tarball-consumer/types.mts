import { Proactor, type ProactorOptions } from 'proactor';

const options: ProactorOptions = { dispatch: 'thread' };
export const available: boolean = Proactor.probe().available;
export const create = (): Proactor => new Proactor(options);
