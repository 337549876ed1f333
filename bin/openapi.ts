/** Writes `docs/openapi.json` anew, from the tables of routes. */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { openApiDocument } from '../src/node/http/openapi.ts'

const path = fileURLToPath(new URL('../docs/openapi.json', import.meta.url))
await writeFile(path, `${JSON.stringify(openApiDocument())}\n`)
