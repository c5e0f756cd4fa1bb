// Clients of databases on sockets of proactor/net, against the real servers where they are installed.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AbstractConnector, Redis, type RedisOptions } from 'ioredis';
import { createPool, type PoolOptions } from 'mysql2/promise';
import { Client, Pool } from 'pg';
import type { Proactor } from 'proactor';
import { connect, Socket, useProactor } from 'proactor/net';
import { atEnd } from '../support/cleanup';
import {
  type Daemon,
  findProgram,
  postgresFolders,
  startMariadb,
  startPostgres,
  startRedis,
} from '../support/daemons';
import { dispatchers } from '../support/dispatchers';
import { patterned } from '../support/files';

const START_LIMIT_MS = 30_000;

/** A suite against a server that is started for it, once for both dispatchers. */
function describeWith(
  title: string,
  program: string | undefined,
  start: (program: string) => Promise<Daemon>,
  body: (daemon: () => Daemon, proactor: () => Proactor) => void,
): void {
  const describeOrSkip = program === undefined ? describe.skip : describe;
  const reason = program === undefined ? ' [skipped: it is not installed]' : '';
  describeOrSkip(`${title}${reason}`, () => {
    let daemon: Daemon | undefined;
    beforeAll(async () => {
      daemon = await start(program!);
    }, START_LIMIT_MS);
    afterAll(() => daemon?.stop());
    for (const dispatcher of dispatchers) {
      describe(dispatcher.name, () => {
        let proactor: Proactor;
        beforeEach(() => {
          proactor = dispatcher.open();
          useProactor(proactor);
        });
        body(
          () => daemon!,
          () => proactor,
        );
      });
    }
  });
}

const DISCONNECT_TIMEOUT_MS = 2000;

class ProactorConnector extends AbstractConnector {
  readonly #options: RedisOptions;

  constructor(options: unknown) {
    super(DISCONNECT_TIMEOUT_MS);
    this.#options = options as RedisOptions;
  }

  async connect(): Promise<Socket> {
    const { path, host = '127.0.0.1', port = 6379 } = this.#options;
    this.connecting = true;
    const stream = connect(path ? { path } : { host, port });
    this.stream = stream;
    return stream;
  }
}

describeWith(
  'ioredis and redis-server',
  findProgram('redis-server'),
  startRedis,
  (daemon, proactor) => {
    function client(options: RedisOptions = {}): Redis {
      const redis = new Redis({ port: daemon().port, Connector: ProactorConnector, ...options });
      atEnd(() => redis.disconnect());
      return redis;
    }

    it('sets and gets, in pipelines and in transactions', async () => {
      const redis = client();
      await redis.set('key', 'value');
      expect(await redis.get('key')).toBe('value');
      const pipeline = redis.pipeline();
      for (let i = 0; i < 1000; i++) pipeline.set(`key:${i}`, i).get(`key:${i}`);
      const results = (await pipeline.exec()) ?? [];
      expect(results.filter((_, i) => i % 2 === 1).map(([, value]) => value)).toEqual(
        Array.from({ length: 1000 }, (_, i) => String(i)),
      );
      expect(await redis.multi().incr('n').incr('n').del('n').exec()).toEqual([
        [null, 1],
        [null, 2],
        [null, 1],
      ]);
      expect(proactor().stats().completions).toBeGreaterThan(1);
    });

    it('carries large binary values', async () => {
      const redis = client();
      const value = patterned(4 << 20);
      await redis.set('large', value);
      expect((await redis.getBuffer('large'))?.equals(value)).toBe(true);
    });

    it('publishes and subscribes', async () => {
      const [publisher, subscriber] = [client(), client()];
      await subscriber.subscribe('channel');
      const received = once(subscriber, 'message');
      expect(await publisher.publish('channel', 'news')).toBe(1);
      expect(await received).toEqual(['channel', 'news']);
    });

    it('connects to a Unix domain socket', async () => {
      const redis = client({ path: `${daemon().folder}/redis.sock` });
      expect(await redis.ping()).toBe('PONG');
    });

    it('connects again after the connection was lost', async () => {
      const redis = client();
      const id = await redis.client('ID');
      const other = client();
      const lost = once(redis, 'close');
      await other.client('KILL', 'ID', id);
      await lost;
      expect(await redis.ping()).toBe('PONG');
      expect(await redis.client('ID')).not.toBe(id);
    });
  },
);

const postgres = findProgram('postgres', postgresFolders());

describeWith('pg and PostgreSQL', postgres, startPostgres, (daemon, proactor) => {
  const options = () => ({
    host: '127.0.0.1',
    port: daemon().port,
    user: 'postgres',
    database: 'postgres',
    stream: () => {
      const socket = new Socket();
      atEnd(() => socket.destroy()); // pg does not wait for its end
      return socket;
    },
  });

  async function client(more: object = {}): Promise<Client> {
    const connected = new Client({ ...options(), ...more });
    atEnd(() => connected.end());
    await connected.connect();
    return connected;
  }

  it('queries, with parameters, prepared and in transactions', async () => {
    const pg = await client();
    const sum = await pg.query<{ sum: number }>('SELECT $1::int + $2::int AS sum', [40, 2]);
    expect(sum.rows).toEqual([{ sum: 42 }]);
    const prepared = { name: 'doubled', text: 'SELECT $1::int * 2 AS n' };
    for (let i = 0; i < 3; i++) {
      expect((await pg.query({ ...prepared, values: [i] })).rows).toEqual([{ n: 2 * i }]);
    }
    await pg.query('CREATE TEMP TABLE t (n int)');
    for (const text of ['BEGIN', 'INSERT INTO t VALUES (1)', 'ROLLBACK']) await pg.query(text);
    expect((await pg.query('SELECT * FROM t')).rows).toEqual([]);
    await expect(pg.query('SELECT nonsense')).rejects.toMatchObject({ code: '42703' });
    expect(proactor().stats().completions).toBeGreaterThan(1);
  });

  it('carries many rows and large values', async () => {
    const pg = await client();
    const rows = await pg.query(
      "SELECT n, repeat('x', 100) AS x FROM generate_series(1, 20000) AS n",
    );
    expect(rows.rows.length).toBe(20_000);
    expect(rows.rows.at(-1)).toEqual({ n: 20_000, x: 'x'.repeat(100) });
    const value = patterned(2 << 20);
    const echoed = await pg.query<{ v: Buffer }>('SELECT $1::bytea AS v', [value]);
    expect(echoed.rows[0]?.v.equals(value)).toBe(true);
  });

  it('is notified', async () => {
    const [listener, notifier] = [await client(), await client()];
    await listener.query('LISTEN news');
    const notified = once(listener, 'notification');
    await notifier.query("NOTIFY news, 'hello'");
    expect((await notified)[0]).toMatchObject({ channel: 'news', payload: 'hello' });
  });

  it('works in a pool', async () => {
    const pool = new Pool({ ...options(), max: 4 });
    atEnd(() => pool.end());
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => pool.query('SELECT $1::int AS i', [i])),
    );
    expect(answers.map(({ rows }) => rows[0].i)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(pool.totalCount).toBe(4);
  });

  it('connects to a Unix domain socket', async () => {
    const pg = await client({ host: daemon().folder });
    expect((await pg.query('SELECT inet_client_addr() AS a')).rows).toEqual([{ a: null }]);
  });

  it('reports a connection that the server ends', async () => {
    const [victim, other] = [await client(), await client()];
    const { rows } = await victim.query('SELECT pg_backend_pid() AS pid');
    const failed = once(victim, 'error');
    const query = victim.query('SELECT pg_sleep(30)').catch((error: Error) => error);
    await delay(50);
    await other.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
    expect(await query).toMatchObject({ code: '57P01' });
    await failed;
  });
});

describeWith(
  'mysql2 and MariaDB',
  findProgram('mariadbd', ['/usr/sbin']),
  startMariadb,
  (daemon, proactor) => {
    function pool(more: PoolOptions = {}) {
      const made = createPool({
        user: 'root',
        connectionLimit: 4,
        stream: () => connect({ port: daemon().port, host: '127.0.0.1', noDelay: true }),
        ...more,
      });
      atEnd(() => made.end());
      return made;
    }

    it('queries, with parameters and prepared', async () => {
      const mysql = pool();
      const [sum] = await mysql.query('SELECT ? + ? AS sum', [40, 2]);
      expect(sum).toEqual([{ sum: 42 }]);
      const [prepared] = await mysql.execute('SELECT CAST(? AS INT) * 2 AS n', [21]);
      expect(prepared).toEqual([{ n: 42 }]);
      await expect(mysql.query('SELECT nonsense')).rejects.toMatchObject({
        code: 'ER_BAD_FIELD_ERROR',
      });
      expect(proactor().stats().completions).toBeGreaterThan(1);
    });

    it('carries many rows and large values, on several connections', async () => {
      const mysql = pool();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          mysql.query(`SELECT seq, ${i} AS i, REPEAT('x', 1000) AS x FROM test.seq_1_to_500`),
        ),
      );
      const lasts = answers.map(([rows]) => (rows as object[]).at(-1));
      expect(lasts).toEqual(lasts.map((_, i) => ({ seq: 500, i, x: 'x'.repeat(1000) })));
    });
  },
);
