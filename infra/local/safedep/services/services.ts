import { PingService } from '#safedep-api/safedep/services/controltower/v1/ping_pb.js';
import { apiKeyService } from './keys.ts';
import { lookUpServices } from './look-ups.ts';
import { peopleServices } from './people.ts';
import { queryServices } from './queries.ts';
import { type ServedService, served, type World } from './served-service.ts';
import { threatIntelService } from './threat-intel.ts';
import { toolService } from './tool.ts';

/** Every method that the pipeline and SafeDep's own scanner call, over made-up facts. */
export function servicesOf(world: World): readonly ServedService[] {
  return [
    ...lookUpServices(world),
    threatIntelService(world),
    toolService(world),
    served(PingService, { ping: ({ id }) => ({ id }) }),
    ...peopleServices(world),
    apiKeyService(world),
    ...queryServices(world),
  ];
}
