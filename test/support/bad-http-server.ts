// An HTTP server that does something wrong: its argument says what, some of it once some requests were answered as they
// should be.
import { createServer, type ServerResponse } from 'node:http';

const goodRequests = 20;
const body = 'hello';

function respond(response: ServerResponse, text: string, status = 200): void {
  response.writeHead(status, { 'Content-Length': text.length });
  response.end(text);
}

/** From the first response on. */
const faults: Readonly<Record<string, (response: ServerResponse) => void>> = {
  none: (response) => respond(response, body),
  'answers-404': (response) => respond(response, body, 404),
  'answers-more': (response) => respond(response, `${body}!`),
  'answers-other': (response) => respond(response, 'jello'),
  'has-no-length': (response) => {
    response.write(body);
    response.end();
  },
  closes: (response) => {
    response.writeHead(200, { 'Content-Length': body.length });
    response.write('hel', () => response.destroy());
  },
};

/** Later. */
const laterFaults: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'turns-500': (response) => respond(response, body, 500),
  'turns-shorter': (response) => respond(response, 'hell'),
  'turns-longer': (response) => respond(response, `${body}${body}`),
  'turns-broken': (response) => faults['closes']?.(response),
};

const name = process.argv[2] ?? '';
const later = laterFaults[name];
const fault = later ?? faults[name];
if (fault === undefined) throw new Error(`there is no fault '${name}'`);

let answered = 0;
const server = createServer((_request, response) => {
  answered++;
  if (later !== undefined && answered <= goodRequests) respond(response, body);
  else fault(response);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening on 127.0.0.1:${typeof address === 'object' ? address?.port : address}`);
});
process.on('SIGTERM', () => process.exit(0));
