import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { z } from 'zod'

/** The least that the daemon may have of files and sockets. */
const MIN_OPEN_FILES = 8_192

/** What a Dockerfile may say (docs.docker.com/reference/dockerfile), as far as ours does. */
const INSTRUCTIONS = new Set([
  ...['FROM', 'WORKDIR', 'COPY', 'RUN', 'ENV', 'USER', 'VOLUME', 'EXPOSE', 'HEALTHCHECK'],
  ...['STOPSIGNAL', 'ENTRYPOINT', 'CMD'],
])

const composeSchema = z.strictObject({
  services: z.strictObject({
    kith: z.strictObject({
      build: z.literal('.'),
      restart: z.literal('on-failure'),
      init: z.boolean(),
      read_only: z.literal(true),
      tmpfs: z.array(z.string()),
      cap_drop: z.tuple([z.literal('ALL')]),
      security_opt: z.array(z.string()),
      stop_grace_period: z.string().regex(/^\d+s$/),
      ulimits: z.strictObject({ nofile: z.strictObject({ soft: z.int(), hard: z.int() }) }),
      environment: z.record(z.string(), z.string()),
      secrets: z.array(z.string()),
      volumes: z.array(z.string()),
      ports: z.array(z.string()),
      healthcheck: z.strictObject({
        test: z.array(z.string()),
        interval: z.string(),
        timeout: z.string(),
        start_period: z.string(),
        retries: z.int(),
      }),
      logging: z.strictObject({
        driver: z.string(),
        options: z.record(z.string(), z.string()),
      }),
    }),
  }),
  volumes: z.record(z.string(), z.null()),
  secrets: z.record(z.string(), z.strictObject({ file: z.string() })),
})

/** The instructions of a Dockerfile, in order, each on one line. */
function instructionsOf(text: string): { name: string; rest: string }[] {
  const lines = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
  return lines.map((line) => {
    const [, name = '', rest = ''] = /^([A-Z]+) (.+)$/.exec(line) ?? []
    assert.ok(INSTRUCTIONS.has(name), line)
    return { name, rest }
  })
}

describe('the Dockerfile', () => {
  let all: { name: string; rest: string }[]

  before(async () => {
    all = instructionsOf(await readFile('Dockerfile', 'utf8'))
  })

  function last(name: string): string {
    return all.findLast((one) => one.name === name)?.rest ?? ''
  }

  it('runs the daemon in the foreground, as a user with no rights', () => {
    assert.equal(last('USER'), 'node')
    assert.deepEqual(JSON.parse(last('ENTRYPOINT')), ['tini', '--', 'kith'])
    assert.deepEqual(JSON.parse(last('CMD')), ['daemon', 'start', '--foreground'])
    const after = all.slice(all.findIndex(({ name }) => name === 'USER'))
    assert.ok(!after.some(({ name }) => name === 'RUN' || name === 'COPY'))
  })

  it('has its home in a volume, and looks at its health', () => {
    assert.equal(last('VOLUME'), '/data')
    assert.match(last('ENV'), /\bKITH_HOME=\/data\b/)
    assert.match(last('HEALTHCHECK'), / CMD \["kith", "daemon", "status", "--json"\]$/)
  })

  it('has no secret in its environment or arguments', () => {
    for (const { name, rest } of all) {
      if (['ENV', 'RUN', 'CMD', 'ENTRYPOINT'].includes(name))
        assert.doesNotMatch(rest, /pass|token/i)
    }
  })

  it('copies what there is, and nothing but that from the stage that builds', () => {
    for (const { rest } of all.filter(({ name }) => name === 'COPY')) {
      const [, source = ''] = /^--from=build \/build\/(\S+) /.exec(rest) ?? []
      const made = ['dist', 'node_modules']
      for (const path of source === '' ? rest.split(' ').slice(0, -1) : [source]) {
        assert.ok(made.includes(path) || existsSync(path), path)
      }
    }
  })

  it('leaves out of its context what the build needs none of', async () => {
    const left = (await readFile('.dockerignore', 'utf8')).trim().split('\n')
    for (const path of ['.git', '**/node_modules', 'dist']) assert.ok(left.includes(path), path)
    for (const path of ['src', 'bin', 'package.json']) assert.ok(!left.includes(path), path)
  })
})

describe('compose.yaml', () => {
  let kith: z.infer<typeof composeSchema>['services']['kith']
  let all: z.infer<typeof composeSchema>

  before(async () => {
    all = composeSchema.parse(parse(await readFile('compose.yaml', 'utf8')))
    kith = all.services.kith
  })

  it('G04: allows 8192 open files or more, and lets the daemon drain', () => {
    assert.ok(kith.ulimits.nofile.soft >= MIN_OPEN_FILES)
    assert.ok(Number.parseInt(kith.stop_grace_period, 10) > 15)
  })

  it('keeps what it writes in a volume, and gives it no rights', () => {
    assert.deepEqual(kith.volumes, ['kith:/data'])
    assert.deepEqual(Object.keys(all.volumes), ['kith'])
    assert.deepEqual(kith.security_opt, ['no-new-privileges:true'])
  })

  it('hands the passphrase on as a secret', () => {
    assert.deepEqual(kith.secrets, Object.keys(all.secrets))
    const path = `/run/secrets/${kith.secrets[0] ?? ''}`
    assert.deepEqual(kith.environment, { KITH_PASSPHRASE_FILE: path })
  })
})
