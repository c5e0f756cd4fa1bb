// What keeps a process alive, and what does not. Each scenario is a program that has to end, or to go on until its timer.
import { compare } from './harness/compare';

compare(__filename, {
  'a program that has nothing left to do': ({ program }) =>
    program('program', (net, note) => {
      process.on('exit', () => note('exit'));
      const server = net.createServer((served) => served.end('bye'));
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        net
          .connect(port, '127.0.0.1')
          .on('data', (data) => note(String(data)))
          .on('close', () => server.close());
      });
    }),

  'a server keeps it alive': ({ program }) =>
    program('program', (net, note) => {
      const server = net.createServer().listen(0, '127.0.0.1');
      setTimeout(() => {
        note('still here');
        server.close();
      }, 100).unref();
    }),

  'a server that is unreferenced does not': ({ program }) =>
    program('program', (net, note) => {
      process.on('exit', () => note('exit'));
      const server = net.createServer();
      server.listen(0, '127.0.0.1', () => note(server.unref() === server));
      setTimeout(() => note('too late'), 3000).unref();
    }),

  'one that was unreferenced before it listens does not': ({ program }) =>
    program('program', (net, note) => {
      net.createServer().unref().listen(0, '127.0.0.1');
      setTimeout(() => note('too late'), 3000).unref();
    }),

  'one that is referenced again does': ({ program }) =>
    program('program', (net, note) => {
      const server = net.createServer();
      server.listen(0, '127.0.0.1', () => {
        server.unref();
        note(server.ref() === server);
      });
      setTimeout(() => {
        note('still here');
        server.close();
      }, 100).unref();
    }),

  'a connection keeps it alive': ({ program }) =>
    program('program', (net, note) => {
      const server = net.createServer().unref();
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        const client = net.connect(port, '127.0.0.1');
        server.on('connection', (served) => served.unref());
        setTimeout(() => {
          note('still here');
          client.destroy();
        }, 100).unref();
      });
      setTimeout(() => {}, 50);
    }),

  'a connection that is unreferenced does not': ({ program }) =>
    program('program', (net, note) => {
      const server = net.createServer((served) => served.unref()).unref();
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        const client = net.connect(port, '127.0.0.1', () => {
          note(client.unref() === client);
        });
        client.on('data', () => {});
      });
      setTimeout(() => {}, 50);
      setTimeout(() => note('too late'), 3000).unref();
    }),

  'one that is unreferenced while it connects does not': ({ program }) =>
    program('program', (net, note) => {
      const server = net.createServer((served) => served.unref()).unref();
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        const client = net.connect(port, '127.0.0.1');
        client.unref().on('connect', () => note('connect'));
      });
      setTimeout(() => {}, 100);
      setTimeout(() => note('too late'), 3000).unref();
    }),

  'one that is unreferenced and referenced again does': ({ program }) =>
    program('program', (net, note) => {
      const server = net.createServer((served) => served.unref()).unref();
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        const client = net.connect(port, '127.0.0.1', () => client.unref().ref().resume());
        setTimeout(() => {
          note('still here');
          client.destroy();
        }, 100).unref();
      });
      setTimeout(() => {}, 50);
    }),

  'a paused connection': ({ program }) =>
    program('program', (net, note) => {
      process.on('exit', () => note('exit'));
      const server = net.createServer((served) => served.unref()).unref();
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        const client = net.connect(port, '127.0.0.1', () => client.pause());
        setTimeout(() => {
          note('timer');
          client.destroy();
        }, 3000).unref();
      });
      setTimeout(() => {}, 50);
    }),

  'a write that waits': ({ program }) =>
    program('program', (net, note) => {
      process.on('exit', () => note('exit'));
      const server = net.createServer((served) => {
        served.unref().pause();
        setTimeout(() => served.resume(), 200).unref();
      });
      server.unref().listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        const client = net.connect(port, '127.0.0.1', () => {
          client.unref();
          client.write(Buffer.alloc(64 << 20), () => note('written'));
        });
      });
      setTimeout(() => {}, 50);
    }),

  'a socket that is not connected': ({ program }) =>
    program('program', (net, note) => {
      process.on('exit', () => note('exit'));
      void new net.Socket();
      note(new net.Socket().ref().connecting);
    }),

  'a timeout of a socket': ({ program }) =>
    program('program', (net, note) => {
      process.on('exit', () => note('exit'));
      new net.Socket().setTimeout(5000, () => note('too late'));
    }),

  'it exits with connections open': ({ program }) =>
    program('program', (net, note) => {
      const server = net.createServer((served) => served.resume());
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        const client = net.connect(port, '127.0.0.1', () => {
          client.write(Buffer.alloc(1 << 20));
          note('exiting');
          process.exit(3);
        });
      });
    }),

  'an error that nobody listens for ends it': ({ program }) =>
    program('program', (net) => {
      net.connect({ path: '/nowhere/at/all' });
    }),

  'a handler that throws ends it': ({ program }) =>
    program('program', (net) => {
      const server = net.createServer(() => {
        throw new RangeError('thrown in connection');
      });
      server.listen(0, '127.0.0.1', () => {
        net.connect((server.address() as { port: number }).port, '127.0.0.1');
      });
    }),

  'beforeExit, and work that comes up in it': ({ program }) =>
    program('program', (net, note) => {
      let rounds = 0;
      process.on('beforeExit', () => {
        note('beforeExit', rounds);
        if (rounds++ > 0) return;
        const server = net.createServer((served) => served.end());
        server.listen(0, '127.0.0.1', () => {
          const { port } = server.address() as { port: number };
          net
            .connect(port, '127.0.0.1')
            .resume()
            .on('close', () => server.close(() => note('closed')));
        });
      });
    }),

  'a program ends once all that it wrote has arrived': ({ program }) =>
    program('program', (net, note) => {
      const server = net.createServer({ allowHalfOpen: true }, (served) => {
        let length = 0;
        served.on('data', (data: Buffer) => {
          length += data.length;
        });
        served.on('end', () => {
          note('received', length);
          served.end();
          server.close();
        });
      });
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        net.connect(port, '127.0.0.1').end(Buffer.alloc(3_000_000));
      });
    }),
});
