export { fromBootprep } from "./bootprep";
export type { BootprepConfiguration, BootprepImageOptions, BootprepOptions } from "./bootprep";
export { CustomizedImage } from "./customizedImage";
export type {
    AnsiblePlay,
    CustomizationSsh,
    CustomizationStep,
    CustomizationTimeLimits,
    CustomizedImageArgs,
    InitrdRegeneration,
    PackageChanges,
} from "./customizedImage";
export { ImportedImage } from "./importedImage";
export type { ImportedImageArgs } from "./importedImage";
export type { CustomizedImageArtifact } from "./imageResource";
export type { ImageJobArgs } from "./imageJobArgs";
export * from "./lookUps";
export { PublicKey } from "./publicKey";
export type { PublicKeyArgs } from "./publicKey";
export { RecipeImage } from "./recipeImage";
export type { RecipeImageArgs, RecipeTimeLimits } from "./recipeImage";
