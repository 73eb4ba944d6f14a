/** Our name at a SAML provider (entity id), below the public URL; the metadata are served there. */
export const samlMetadataPath = (providerId: string): string => `/idps/${providerId}/saml/metadata`;

/** Where a SAML provider has browsers post its responses to (assertion consumer service). */
export const samlAcsPath = (providerId: string): string => `/idps/${providerId}/saml/acs`;
