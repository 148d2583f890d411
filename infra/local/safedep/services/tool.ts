import { create } from '@bufbuild/protobuf';
import { Feature } from '#safedep-api/safedep/messages/controltower/v1/entitlement_pb.js';
import { CreateToolSessionResponseSchema, ToolService } from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { type ServedService, served, tenantOf, type World } from './served-service.ts';

/** What a limit of a feature counts is not known; here it is the same for all. */
const FEATURE_LIMIT = 1000n;

/** Report sessions of the scanners. */
export function toolService({ sessions }: World): ServedService {
  return served(ToolService, {
    getEntitlementsForTool: (_, caller) => ({
      entitlements: tenantOf(caller).features.flatMap((name) => {
        const feature = Feature[name as keyof typeof Feature] as Feature | undefined;
        return feature === undefined ? [] : [{ entitlement: { feature, limit: FEATURE_LIMIT } }];
      }),
    }),
    createToolSession: (request, caller) => {
      const tenant = tenantOf(caller);
      tenant.require('TOOL_SYNC');
      const { id } = sessions.create(tenant.domain, request);
      return create(CreateToolSessionResponseSchema, { toolSession: { toolSessionId: id } });
    },
    publishPackageInsight: (request, caller) => {
      sessions.publishInsight(tenantOf(caller).domain, request);
      return {};
    },
    publishPolicyViolation: (request, caller) => {
      sessions.publishViolation(tenantOf(caller).domain, request);
      return {};
    },
    completeToolSession: ({ toolSession, status }, caller) => {
      sessions.complete(tenantOf(caller).domain, toolSession, status);
      return {};
    },
  });
}
