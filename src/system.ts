import { instanceRoles } from './kernel/auth/roles.ts';
import type { App, Call } from './kernel/call.ts';

/** A call of the one who holds the data itself: an operator at the command line. History names it as `operator`. */
export function operatorCall(app: App): Call {
  const everywhere = new Set(Object.values(instanceRoles).flat());
  const caller = { id: 'operator', organizationId: '', type: 'machine', everywhere, within: new Map() } as const;
  const access = { on: 'user', permission: 'user.write', self: false } as const;
  return { ...app, caller, access, now: app.clock(), organizationId: '', subject: undefined, network: undefined };
}
