import { Ecosystem as SafeDepEcosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import { type Ecosystem, isServed } from '../model/ecosystem.ts';

/** SafeDep's number of an ecosystem; `UNSPECIFIED` for one that it does not serve. The model's names are SafeDep's, so the enum is the table. */
export function toSafeDepEcosystem(ecosystem: Ecosystem): SafeDepEcosystem {
  return isServed(ecosystem) ? SafeDepEcosystem[ecosystem] : SafeDepEcosystem.UNSPECIFIED;
}
