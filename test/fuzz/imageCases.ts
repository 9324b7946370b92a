import { assertReadable, type BlockDevice } from "../../provider/image/blockDevice";
import { lookInside } from "../../provider/image/lookInside";
import { goodImage } from "../unit/image/fixtures";
import { scramble } from "./mutate";
import type { Random } from "./random";
import { assertChecks, type FuzzTarget } from "./target";

const SECTOR = 512;
/** Of a sector put in another's place: where it belongs (4 bytes), and its content. */
const PATCH = 4 + SECTOR;

let content: { image: Buffer; used: number[] } = { image: Buffer.alloc(0), used: [] };

/** A whole image with sectors of its table and its file systems changed; a case is the changed sectors. */
export const imageTarget: FuzzTarget = {
    name: "image",
    async prepare() {
        const image = await goodImage();
        content = { image, used: usedSectors(image) };
    },
    build(random) {
        const patches: Buffer[] = [];
        for (let n = 1 + random.int(4); n > 0; n--) patches.push(patch(random));
        return Buffer.concat(patches);
    },
    async run(bytes) {
        const { checks } = await lookInside(patched(content.image, bytes), "none", {});
        assertChecks(checks);
    },
};

/** Most of an image is empty; what is not are the tables, folders and files that are read. */
function usedSectors(image: Buffer): number[] {
    const empty = Buffer.alloc(SECTOR);
    const used: number[] = [];
    for (let at = 0; at < image.length; at += SECTOR) {
        if (!image.subarray(at, at + SECTOR).equals(empty)) used.push(at);
    }
    return used;
}

function patch(random: Random): Buffer {
    const { image, used } = content;
    const at = random.pick(used);
    const from = random.chance(10) ? random.pick(used) : at;
    const bytes = Buffer.alloc(PATCH);
    bytes.writeUInt32LE(at, 0);
    const sector = bytes.subarray(4);
    image.copy(sector, 0, from, from + SECTOR);
    for (let n = 1 + random.int(3); n > 0; n--) scramble(sector, random);
    return bytes;
}

function patched(image: Buffer, patches: Buffer): BlockDevice {
    return {
        size: image.length,
        read(offset, length) {
            assertReadable(image.length, offset, length);
            const bytes = Buffer.from(image.subarray(offset, offset + length));
            for (let at = 0; at < patches.length; at += PATCH) {
                const place = patches.readUInt32LE(at) - offset;
                const sector = patches.subarray(at + 4, at + PATCH);
                if (place >= 0) sector.copy(bytes, place);
                else if (place > -SECTOR) sector.copy(bytes, 0, -place);
            }
            return Promise.resolve(bytes);
        },
    };
}
