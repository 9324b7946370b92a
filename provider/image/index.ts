export type { DiskImageBootResult, DiskImageBootTest } from "./bootTestArgs";
export {
    DiskImage,
    type DiskImageArgs,
    type DiskImageCheck,
    type DiskImagePartition,
    type DiskImageBucket,
    type DiskImageDirectoryPublication,
    type DiskImageOciPublication,
    type DiskImagePublication,
    type DiskImagePublicationOptions,
    type DiskImageRepository,
    type DiskImageS3Publication,
    type DiskImageTraits,
} from "./diskImage";
export type {
    DiskImageExpectations,
    DiskImageFile,
    DiskImageOs,
    DiskImagePartitionExpectation,
    DiskImageSecureBoot,
    DiskImageUnits,
} from "./expect";
