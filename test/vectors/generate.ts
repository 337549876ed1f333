/*
 * Writes the vectors beside it: `node test/vectors/generate.ts`. What they hold is made by other code than
 * ours (@ipld/dag-cbor, @noble/ed25519, @libp2p/peer-id) and from fixed seeds, so a second run changes nothing.
 */
import { writeFile } from 'node:fs/promises'
import { backupStatementVectors } from './backup-statement-cases.ts'
import { auditHeadVectors } from './audit-head-cases.ts'
import { byeVectors } from './bye-cases.ts'
import { cborVectors } from './cbor-cases.ts'
import { keyLogVectors } from './key-log-cases.ts'
import { keyLogVerdictVectors } from './key-log-verdict-cases.ts'
import { nodeIdVectors, peerIdVectors } from './id-cases.ts'
import { inviteVectors, pairingVectors } from './pairing-cases.ts'
import { receiptVectors } from './receipt-cases.ts'
import { rotationRequestVectors } from './rotation-request-cases.ts'
import { signedVectors } from './signed-cases.ts'

const FILES = {
  'cbor.json': cborVectors(),
  'node-ids.json': nodeIdVectors(),
  'peer-ids.json': await peerIdVectors(),
  'signed.json': await signedVectors(),
  'key-logs.json': await keyLogVectors(),
  'key-log-verdicts.json': await keyLogVerdictVectors(),
  'receipts.json': await receiptVectors(),
  'audit-heads.json': await auditHeadVectors(),
  'byes.json': await byeVectors(),
  'backup-statements.json': await backupStatementVectors(),
  'rotation-requests.json': await rotationRequestVectors(),
  'invites.json': await inviteVectors(),
  'pairing.json': await pairingVectors(),
}

for (const [name, vectors] of Object.entries(FILES)) {
  await writeFile(new URL(name, import.meta.url), `${JSON.stringify(vectors, null, 2)}\n`)
}
