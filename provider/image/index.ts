export type { DiskImageBootResult, DiskImageBootTest } from "./bootTestArgs";
export {
    DiskImage,
    type DiskImageArgs,
    type DiskImageCheck,
    type DiskImagePartition,
    type DiskImagePublication,
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
