import * as childProcess from "node:child_process";
import * as path from "node:path";
import type { ChunkSource, Sink } from "./chunks";
import { ImageDamage, printable } from "../check";
import { childEnvironment } from "../../process/tools";

/**
 * Unpacks through a program that reads stdin and writes stdout. It gets nothing of this process's environment,
 * which holds credentials, and ends when this thread does: its pipes close.
 */
export async function runTool(
    program: string,
    args: readonly string[],
    source: ChunkSource,
    sink: Sink,
): Promise<void> {
    const child = childProcess.spawn(program, args, {
        stdio: ["pipe", "pipe", "pipe"],
        env: { ...childEnvironment(), LC_ALL: "C" },
    });
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
        complaint = (complaint + text).slice(-2000);
    });
    const exited = new Promise<number | null>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", (code) => resolve(code));
    });
    exited.catch(() => undefined); // awaited below; until then it must not count as unhandled

    let sourceFailure: unknown;
    const feeding = feed(source, child.stdin).catch((error: unknown) => {
        sourceFailure = error;
        child.kill("SIGKILL");
    });
    try {
        for await (const chunk of child.stdout) await sink(chunk as Buffer);
    } catch (error) {
        child.kill("SIGKILL");
        throw error;
    } finally {
        await exited.catch(() => undefined);
        await feeding;
    }
    if (sourceFailure !== undefined) throw sourceFailure as Error;
    const code = await exited;
    const name = path.basename(program);
    // Ended from outside, for want of memory for instance, which says nothing of the image.
    if (code === null) throw new Error(`${name}, which unpacks the image, was ended before it was done`);
    // bzip2 passes over what stands behind the last stream and only says so.
    if (/trailing garbage/i.test(complaint)) {
        throw new ImageDamage(`has other bytes behind the end of the ${name} stream`);
    }
    // What stands behind a stream is read as the beginning of another.
    if (/unexpected end|ends unexpectedly/i.test(complaint)) {
        throw new ImageDamage(`the ${name} stream is cut off before its end, or followed by other bytes`);
    }
    if (code !== 0) throw new ImageDamage(`cannot be unpacked: ${name} says "${firstLine(complaint)}"`);
}

async function feed(source: ChunkSource, stdin: NodeJS.WritableStream): Promise<void> {
    // The program stops reading when it has found damage; its exit code tells.
    const closed = new Promise<"closed">((resolve) => {
        stdin.once("error", () => resolve("closed"));
        stdin.once("close", () => resolve("closed"));
    });
    for (;;) {
        const chunk = await source.next();
        if (!chunk) break;
        const taken = new Promise<"taken">((resolve) => {
            stdin.write(chunk, () => resolve("taken"));
        });
        if ((await Promise.race([taken, closed])) === "closed") return;
    }
    stdin.end();
}

function firstLine(text: string): string {
    const [first = "nothing"] = text.split("\n").filter((line) => line.trim() !== "");
    // `/usr/bin/xz: (stdin): ` is of no use to a reader.
    return printable(first.trim().replace(/^\S+: (\(stdin\): )?/, ""), 200);
}
