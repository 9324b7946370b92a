import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { bufferDevice } from "../../../provider/image/blockDevice";
import type { ImageCheck } from "../../../provider/image/check";
import { readSignedProgram } from "../../../provider/image/efi/authenticode";
import { lookAtBoot } from "../../../provider/image/efi/lookAtBoot";
import { readGpt } from "../../../provider/image/gpt";
import { onlyTrusting } from "../../../provider/qemu/efiVariables";
import { BootFailure, runQemu } from "../../../provider/qemu/run";
import { serialPattern } from "../../../provider/qemu/serialWatch";
import { debianKernel, debianPackage } from "../../support/debianPackages";
import { type Identity, issue, pemOf } from "../../support/efi/authority";
import { espDisk } from "../../support/efi/firmware";
import { makeProgram, printing } from "../../support/efi/program";
import { sign } from "../../support/efi/signer";
import { needsTool } from "../../support/tools";

const SBAT = Buffer.from(
    "sbat,1,SBAT Version,sbat,1,https://example.com\ntiny,1,Tiny,tiny,1,https://example.com\n",
);
const TINY = "RAN the second stage";
const KERNEL = "Linux version";

/** What boots or not, and where the check sees it stop. */
interface Scenario {
    name: string;
    files: Map<string, Buffer>;
    /** In the firmware's list beside Microsoft's. */
    own?: Identity;
    /** What the machine shows when all of it starts. */
    until: string;
    /** The check that fails; undefined when the machine starts. */
    stops?: string;
}

describe("Secure Boot: shim, GRUB and kernel of Debian, in firmware and in the check", function () {
    this.timeout(150_000);
    let folder = "";
    let microsoft: Buffer[];
    let shim: Buffer;
    let fallback: Buffer;
    let grub: Buffer;
    let kernel: Buffer;

    before(async function () {
        for (const tool of ["qemu-system-x86_64", "/usr/share/OVMF/OVMF_VARS_4M.fd", "mkfs.vfat", "mcopy"]) {
            needsTool(this, tool);
        }
        const read = (name: string, file: string): Buffer =>
            fs.readFileSync(path.join(debianPackage(this, name), file));
        shim = read("shim-signed", "usr/lib/shim/shimx64.efi.signed");
        fallback = read("shim-helpers-amd64-signed", "usr/lib/shim/fbx64.efi.signed");
        grub = read("grub-efi-amd64-signed", "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed");
        kernel = fs.readFileSync(debianKernel(this));
        const { signatures } = await readSignedProgram(bufferDevice(shim));
        microsoft = signatures.flatMap(({ embedded }) =>
            embedded.filter(({ isAuthority }) => isAuthority).map(({ der }) => der),
        );
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-chain-"));
    });

    after(() => fs.rmSync(folder, { recursive: true, force: true }));

    function scenarios(): Scenario[] {
        const own = issue("Own", { ca: true });
        const tiny = makeProgram(printing(TINY), { sections: [{ name: ".sbat", content: SBAT }] });
        const withoutSbat = makeProgram(printing(TINY));
        const second = (program: Buffer): Map<string, Buffer> =>
            new Map([
                ["EFI/BOOT/BOOTX64.EFI", shim],
                ["EFI/BOOT/grubx64.efi", program],
            ]);
        const throughFallback = (program: Buffer): Map<string, Buffer> =>
            new Map([
                ["EFI/BOOT/BOOTX64.EFI", shim],
                ["EFI/BOOT/fbx64.efi", fallback],
                ["EFI/tiny/shimx64.efi", shim],
                ["EFI/tiny/grubx64.efi", program],
                ["EFI/tiny/BOOTX64.CSV", Buffer.from("\ufeffshimx64.efi,tiny,,Tiny\n", "utf16le")],
            ]);
        const stops = "secureboot.next-stage";
        const debian = { files: debianFiles(grub, kernel), until: KERNEL };
        return [
            { name: "Debian as it is", ...debian },
            {
                name: "a changed kernel",
                ...debian,
                files: debianFiles(grub, changed(kernel)),
                stops: "secureboot.kernel",
            },
            { name: "a changed GRUB", ...debian, files: debianFiles(changed(grub), kernel), stops },
            { name: "an own second stage, enrolled", files: second(sign(tiny, own)), own, until: TINY },
            { name: "an own second stage, not enrolled", files: second(sign(tiny, own)), until: TINY, stops },
            {
                name: "an own second stage without revocation generations",
                ...{ files: second(sign(withoutSbat, own)), own, until: TINY, stops },
            },
            {
                name: "an own second stage signed over SHA-512 only",
                ...{ files: second(sign(tiny, own, { hash: "sha512" })), own, until: TINY, stops },
            },
            {
                name: "a second stage behind the fallback",
                files: throughFallback(sign(tiny, own)),
                own,
                until: TINY,
            },
            {
                name: "an unsigned one behind the fallback",
                files: throughFallback(tiny),
                own,
                until: TINY,
                stops,
            },
        ];
    }

    function debianFiles(loader: Buffer, linux: Buffer): Map<string, Buffer> {
        const menu = [
            "search --set=root --file /vmlinuz-debian",
            "echo menu",
            "linux /vmlinuz-debian console=ttyS0",
            "boot",
        ];
        return new Map([
            ["EFI/BOOT/BOOTX64.EFI", shim],
            ["EFI/BOOT/grubx64.efi", loader],
            ["EFI/debian/grub.cfg", Buffer.from(`${menu.join("\n")}\n`)],
            ["vmlinuz-debian", linux],
        ]);
    }

    it("agree on where each of them stops", async function () {
        const all = scenarios().map((scenario) => ({
            scenario,
            disk: espDisk(scenario.files),
            trusted: [...microsoft, ...(scenario.own ? [scenario.own.certificate] : [])],
        }));
        // Nothing else is done while machines run: QEMU drops what is not read from its serial line at once.
        const firmware: string[] = [];
        const queue = [...all.entries()];
        const work = async (): Promise<void> => {
            for (let next = queue.shift(); next; next = queue.shift()) {
                const [number, { scenario, disk, trusted }] = next;
                firmware[number] = await bootOf(scenario, disk, trusted, path.join(folder, `${number}`));
            }
        };
        await Promise.all([work(), work()]);
        const results = await Promise.all(
            all.map(async ({ scenario: { name }, disk, trusted }, number) => {
                return { name, stops: await stopOf(disk, trusted), firmware: firmware[number] };
            }),
        );
        expect(results).to.deep.equal(
            all.map(({ scenario: { name, stops } }) => ({
                name,
                stops,
                firmware: stops === undefined ? "started" : "refused",
            })),
        );
    });
});

/** A byte in the middle of the program. */
function changed(program: Buffer): Buffer {
    const copy = Buffer.from(program);
    const middle = Math.floor(copy.length / 2);
    copy.writeUInt8(copy.readUInt8(middle) ^ 1, middle);
    return copy;
}

async function bootOf(
    { until }: Scenario,
    disk: Buffer,
    trusted: readonly Buffer[],
    file: string,
): Promise<"started" | "refused"> {
    fs.writeFileSync(file, disk);
    try {
        await runQemu({
            firmware: "uefi",
            secureBoot: onlyTrusting(trusted),
            drives: [{ kind: "disk", file, format: "raw", bus: "virtio", writable: false }],
            accelerator: "tcg",
            memoryMb: 512,
            cores: 1,
            until: [serialPattern(until)],
            failOn: [serialPattern("Verification failed")],
            timeLimit: 90_000,
            logFile: `${file}.log`,
        });
        return "started";
    } catch (error) {
        // Anything but a refusal, a time limit say, proves nothing.
        if (error instanceof BootFailure && error.message.startsWith("the machine failed while"))
            return "refused";
        throw error;
    } finally {
        fs.rmSync(file);
    }
}

/** The first check that fails. */
async function stopOf(disk: Buffer, trusted: readonly Buffer[]): Promise<string | undefined> {
    const device = bufferDevice(disk);
    const { partitions } = await readGpt(device);
    const { checks } = await lookAtBoot(
        { disk: device, partitions },
        { secureBoot: { certificates: trusted.map(pemOf) } },
    );
    const isMet = (check: ImageCheck): boolean => check.verdict === "passed" || check.severity === "warning";
    return checks.find((check) => !isMet(check) && check.verdict === "failed")?.id;
}
