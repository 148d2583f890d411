import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { OnboardingService } from '#safedep-api/safedep/services/controltower/v1/onboarding_pb.js';
import { TenantService } from '#safedep-api/safedep/services/controltower/v1/tenant_pb.js';
import { UserService } from '#safedep-api/safedep/services/controltower/v1/user_pb.js';
import type { Caller } from '../access.ts';
import type { RegisteredUser } from '../directory.ts';
import { invalid, noUser } from '../refusals.ts';
import type { TokenUser } from '../tokens.ts';
import { pageRequest, type ServedService, served, tenantOf, type World } from './served-service.ts';

/** A host name, as RFC 1123 has it. */
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/** Who signed in, how one becomes somebody, and who else may enter a tenant. */
export function peopleServices({ directory, pages }: World): readonly ServedService[] {
  return [
    served(UserService, {
      getUserInfo: (_, caller) => {
        const user = directory.user(signedIn(caller).email);
        if (user === undefined) throw noUser();
        const at = timestampFromMs(user.createdAtMs);
        return {
          user: { name: user.name, email: user.email, createdAt: at, updatedAt: at },
          access: [...user.access].map(([domain, level]) => ({ level, role: BigInt(level), tenant: { domain } })),
        };
      },
    }),
    served(OnboardingService, {
      onboardUser: ({ name, organizationName, organizationDomain }, caller) => {
        if (name === '' || organizationName === '') throw invalid('name', 'value length must be at least 1 characters');
        if (!HOST_NAME.test(organizationDomain)) throw invalid('organization_domain', 'value must be a valid hostname');
        const { email } = signedIn(caller);
        return { tenant: { domain: directory.onboard({ name, email }, organizationDomain.toLowerCase()).domain } };
      },
    }),
    served(TenantService, {
      listUsersAccess: ({ pagination }, caller) => {
        const { domain } = tenantOf(caller);
        const list = () => directory.usersOf(domain).map((user) => toAccess(user, domain));
        const { entries, nextPageToken } = pages.page(`access ${domain}`, list, pageRequest(pagination));
        return { accesses: [...entries], pagination: { nextPageToken } };
      },
    }),
  ];
}

function signedIn({ user }: Caller): TokenUser {
  if (user === undefined) throw noUser();
  return user;
}

function toAccess({ name, email, access, createdAtMs }: RegisteredUser, domain: string) {
  return {
    accessId: `made-up-${email}`,
    name,
    email,
    accessRole: access.get(domain) ?? 0,
    createdAt: timestampFromMs(createdAtMs),
  };
}
