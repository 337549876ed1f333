import { z } from 'zod'
import { strictMap } from '../../protocol/strict-map.ts'
import { list } from '../agent-config.ts'
import { parseListen } from './bind.ts'

const address = z.string().refine((text) => parseListen(text) !== undefined, {
  message: 'say HOST:PORT, such as 127.0.0.1:7424 or [::1]:7424',
})

const flag = z.preprocess(
  (value) => (value === 'true' ? true : value === 'false' ? false : value),
  z.boolean(),
)

/** The section `http` of config.yaml: whether health, tasks and the dashboard are served over TCP too. */
export const httpSchema = strictMap({
  /** `HOST:PORT`. Without it: not before `kith dashboard`, and then on loopback. */
  listen: z.exactOptional(address),
  /** Lets `listen` be an address that others can reach; a token has to exist as well. */
  allow_non_loopback: flag.default(false),
  /** Names that requests may call this node by, beside loopback and the address that it listens on. */
  allowed_hosts: list.default([]),
})

export type HttpConfig = z.infer<typeof httpSchema>
