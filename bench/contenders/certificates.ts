import { execFile, spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** PEM files, as Node's TLS options name them. */
export interface Certificates {
  ca: Buffer
  cert: Buffer
  key: Buffer
}

export type CertificateOwner = 'server' | 'client'

/** What is missing to make certificates, or undefined. */
export function lacksOpenssl(): string | undefined {
  const { error } = spawnSync('openssl', ['version'])
  return error === undefined ? undefined : 'the openssl command is not installed'
}

/** Writes an authority and the certificates it signs for both sides into `dir`: P-256, one day. */
export async function makeCertificates(dir: string): Promise<void> {
  const key = (name: string) => [
    ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-subj', `/CN=${name}`, '-keyout', `${name}.key`],
  ]
  await run('openssl', ['req', '-x509', '-days', '1', ...key('ca'), '-out', 'ca.crt'], { cwd: dir })
  await writeFile(join(dir, 'names.ext'), 'subjectAltName = DNS:localhost, IP:127.0.0.1\n')
  for (const owner of ['server', 'client'] satisfies CertificateOwner[]) {
    await run('openssl', ['req', ...key(owner), '-out', `${owner}.csr`], { cwd: dir })
    const signing = [
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-extfile',
      'names.ext',
    ]
    const files = ['-in', `${owner}.csr`, '-out', `${owner}.crt`]
    await run('openssl', ['x509', '-req', '-days', '1', ...signing, ...files], { cwd: dir })
  }
}

/** The paths of what `makeCertificates` wrote into `dir` for `owner`. */
export function certificatePaths(
  dir: string,
  owner: CertificateOwner,
): Record<keyof Certificates, string> {
  return {
    ca: join(dir, 'ca.crt'),
    cert: join(dir, `${owner}.crt`),
    key: join(dir, `${owner}.key`),
  }
}

/** What `makeCertificates` wrote into `dir` for `owner`. */
export async function readCertificates(
  dir: string,
  owner: CertificateOwner,
): Promise<Certificates> {
  const paths = certificatePaths(dir, owner)
  const [ca, cert, key] = await Promise.all([
    readFile(paths.ca),
    readFile(paths.cert),
    readFile(paths.key),
  ])
  return { ca, cert, key }
}
