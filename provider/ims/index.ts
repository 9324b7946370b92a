export { CustomizedImage } from "./customizedImage";
export type {
    AnsiblePlay,
    CustomizationSsh,
    CustomizationStep,
    CustomizationTimeLimits,
    CustomizedImageArgs,
    CustomizedImageArtifact,
    InitrdRegeneration,
    PackageChanges,
} from "./customizedImage";
export * from "./lookUps";
export { PublicKey } from "./publicKey";
export type { PublicKeyArgs } from "./publicKey";
