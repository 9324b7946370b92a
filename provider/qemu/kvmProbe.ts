import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startGuarded } from "../process/guardedProcess";
import { childEnvironment } from "../process/tools";
import type { Accelerator } from "./accelerator";

export interface ProbeOptions {
    /** Full path of QEMU. */
    program: string;
    /** Processor model; default: that of every machine. */
    cpu?: string | undefined;
    signal?: AbortSignal | undefined;
    /** Milliseconds. */
    limit?: number;
}

/** `mov al,16; out 0xf4,al; hlt; jmp $-1`: writes to a device that ends QEMU, with what was written in its exit code. */
const CODE = [0xb0, 0x10, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd];
const ALIVE = (0x10 << 1) | 1;
const SECTOR = 512;
/** Firmware starts from no smaller one than that. */
const DISK = 1024 * 1024;
/** Firmware takes a second or two. */
const LIMIT = 15_000;

/**
 * Why a machine does not run with an accelerator; undefined when it does. QEMU can start without an error while the guest
 * never runs an instruction, so a guest has to run some.
 */
export async function runsNotWith(
    accelerator: Accelerator,
    options: ProbeOptions,
): Promise<string | undefined> {
    const { program, cpu, signal, limit = LIMIT } = options;
    signal?.throwIfAborted();
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-qemu-probe-"));
    const disk = path.join(folder, "disk");
    const content = Buffer.alloc(DISK);
    content.set(CODE);
    content.writeUInt16LE(0xaa55, SECTOR - 2);
    fs.writeFileSync(disk, content);
    const machine = startGuarded(program, probeArguments(accelerator, cpu, disk), {
        folder,
        env: { ...childEnvironment(), TMPDIR: folder },
    });
    let complaint = "";
    machine.stderr.on(
        "data",
        (bytes: Buffer) => (complaint = (complaint + bytes.toString("utf8")).slice(-500)),
    );
    machine.stdout.resume();
    let timer: NodeJS.Timeout | undefined;
    try {
        const code = await Promise.race([
            machine.ended,
            new Promise<undefined>((resolve) => (timer = setTimeout(resolve, limit, undefined))),
            new Promise<undefined>((resolve) =>
                signal?.addEventListener("abort", () => resolve(undefined), { once: true }),
            ),
        ]);
        signal?.throwIfAborted();
        if (code === ALIVE) return undefined;
        if (code === undefined) return `a machine with it runs nothing within ${limit / 1000} s`;
        return `QEMU ends with code ${code}${complaint === "" ? "" : ` and says ${JSON.stringify(complaint.trim())}`}`;
    } finally {
        clearTimeout(timer);
        await machine.end();
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

function probeArguments(accelerator: Accelerator, cpu: string | undefined, disk: string): string[] {
    return [
        ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none"],
        ...["-machine", `q35,accel=${accelerator}`, "-m", "32"],
        ...["-cpu", cpu ?? (accelerator === "kvm" ? "host" : "max")],
        ...["-drive", `if=none,id=probe,format=raw,snapshot=on,file=${disk.replaceAll(",", ",,")}`],
        ...["-device", "ide-hd,drive=probe,bootindex=0"],
        ...["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"],
    ];
}
