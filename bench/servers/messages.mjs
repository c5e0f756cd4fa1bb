// A stream of messages, as a server of HTTP/2 or gRPC sends it: each is a buffer of its own with its number in front, so
// that a message that is lost, doubled or out of order shows.

export const streamOptions = { messages: { type: 'string', default: '1' } };

/** A function of the number of a message. */
export function messageMaker(options) {
  const bytes = Number(options['message-bytes']);
  const pattern = Buffer.alloc(bytes, 'proactor');
  return (number) => {
    const message = Buffer.from(pattern);
    message.writeUInt32BE(number);
    return message;
  };
}

/** Writes all messages while there is room, and the others when there is again; then it ends the stream. */
export function sendMessages(stream, message, options) {
  const count = Number(options.messages);
  let sent = 0;
  const pump = () => {
    while (sent < count) {
      if (!stream.write(message(sent++))) return;
    }
    stream.off('drain', pump);
    stream.end();
  };
  stream.on('drain', pump);
  pump();
}
