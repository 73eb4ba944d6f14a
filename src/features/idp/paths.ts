/** Where providers send browsers back to; it has to be known to them. */
export const callbackPath = '/idps/callback';

/** Where a site that hands over signed tokens (JWT) sends people back to. */
export const jwtPath = '/idps/jwt';

/** Our name at a SAML provider (entity id), below the public URL; the metadata are served there. */
export const samlMetadataPath = (providerId: string): string => `/idps/${providerId}/saml/metadata`;

/** Where a SAML provider has browsers post its responses to (assertion consumer service). */
export const samlAcsPath = (providerId: string): string => `/idps/${providerId}/saml/acs`;
