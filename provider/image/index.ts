export {
    DiskImage,
    type DiskImageArgs,
    type DiskImageExpectations,
    type DiskImagePartition,
    type DiskImagePublication,
} from "./diskImage";
