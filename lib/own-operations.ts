// Operations as this package initiates them for its objects. What the program asked for its own next operation,
// by link() and deferCompletion(), does not concern them.
import { initiatorOf } from './define-operation';
import { operations } from './operations';

export const acceptMultishot = initiatorOf('acceptMultishot', operations.acceptMultishot);
export const close = initiatorOf('close', operations.close);
export const connect = initiatorOf('connect', operations.connect);
export const pollAdd = initiatorOf('pollAdd', operations.pollAdd);
export const recvMultishot = initiatorOf('recvMultishot', operations.recvMultishot);
export const recvProvided = initiatorOf('recvProvided', operations.recvProvided);
export const send = initiatorOf('send', operations.send);
export const sendmsg = initiatorOf('sendmsg', operations.sendmsg);
