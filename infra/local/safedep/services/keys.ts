import { ApiKeyService } from '#safedep-api/safedep/services/controltower/v1/api_key_pb.js';
import { pageRequest, type ServedService, served, tenantOf, type World } from './served-service.ts';

/** The tenant's API keys. */
export function apiKeyService({ keys, pages }: World): ServedService {
  return served(ApiKeyService, {
    createApiKey: (request, caller) => keys.create(tenantOf(caller).domain, request),
    listApiKeys: ({ filter, pagination }, caller) => {
      const { domain } = tenantOf(caller);
      const question = JSON.stringify(['keys', domain, filter?.name, filter?.includeExpired]);
      const { entries, nextPageToken } = pages.page(question, () => keys.list(domain, filter), pageRequest(pagination));
      return { keys: [...entries], pagination: { nextPageToken } };
    },
    deleteApiKey: ({ keyId }, caller) => {
      keys.delete(tenantOf(caller).domain, keyId);
      return {};
    },
  });
}
