export { ApplianceImage } from "./applianceImage";
export type {
    ApplianceArtifact,
    ApplianceDurations,
    ApplianceFirmware,
    ApplianceImageArgs,
    ApplianceInstallTest,
    ApplianceIso,
    ApplianceIsoAccess,
    ApplianceIsoPublication,
    ApplianceIsoVerification,
    ApplianceProviderImage,
    ApplianceSmokeLogin,
    ApplianceSmokeTest,
    ApplianceVerification,
    CanvosCheckout,
    CanvosRepository,
    EdgeAppliance,
    UserDataFile,
} from "./applianceImage";
export type {
    BaseImageBuild,
    BuildArguments,
    BuildGpuDrivers,
    BuildProxies,
    BuildSources,
    BuildTrustedBoot,
    BuildVariants,
} from "./arguments";
export type {
    UserData,
    UserDataDevicePath,
    UserDataInstall,
    UserDataInterface,
    UserDataNetwork,
    UserDataSite,
    UserDataStylus,
} from "./userData";
