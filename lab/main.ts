import * as http from "node:http";
import { parseArgs } from "node:util";

import type { LabStatus } from "./control";
import { FURTHER_SYSTEMS, readDescription, type FurtherSystem } from "./description";
import { LabFolder, readText } from "./folder";
import { formatTable } from "./fleetTable";
import type { LabOptions } from "./index";
import { runAttached, runningProcess, startDetached, stopProcess } from "./labProcess";

const USAGE = `usage: lab COMMAND [--dir FOLDER]

  start [--with SYSTEM]... [--auto-boot] [--speed N] [--token-lifetime SECONDS] [--foreground]
                    SYSTEM: ims, palette, canvos; also starts it in a lab that runs already
  stop
  status [--json]

  device add SERIAL [--uuid UUID]
  device boot SERIAL [--installer]
  device off SERIAL
  device unplug SERIAL
  device fail SERIAL --at PLACE [--hang] [--message TEXT]
                    PLACE: registration, initialization, onboarding, running, or (a part of) a step's text
  device repair SERIAL

  fault add "POST regions" --do latency|reset|status [--after-write] [--ms N] [--status N] [--body JSON]
                           [--times N] [--every N] [--skip N]
  fault list
  fault clear [ID]

FOLDER keeps everything of the lab; the default is .lab.`;

const OPTIONS = {
    dir: { type: "string", default: ".lab" },
    with: { type: "string", multiple: true, default: [] as string[] },
    "auto-boot": { type: "boolean" },
    speed: { type: "string" },
    "token-lifetime": { type: "string" },
    foreground: { type: "boolean" },
    json: { type: "boolean" },
    uuid: { type: "string" },
    installer: { type: "boolean" },
    at: { type: "string" },
    hang: { type: "boolean" },
    message: { type: "string" },
    do: { type: "string" },
    "after-write": { type: "boolean" },
    ms: { type: "string" },
    status: { type: "string" },
    body: { type: "string" },
    times: { type: "string" },
    every: { type: "string" },
    skip: { type: "string" },
    help: { type: "boolean" },
} as const;

type Flags = ReturnType<typeof parse>["values"];

function parse(words: string[]) {
    return parseArgs({ args: words, options: OPTIONS, allowPositionals: true });
}

async function main(): Promise<void> {
    const { values: flags, positionals } = parse(process.argv.slice(2));
    const [command = "", ...rest] = positionals;
    if (flags.help) {
        print(USAGE);
        return;
    }
    const folder = new LabFolder(flags.dir);
    switch (command) {
        case "start":
            return start(folder, flags);
        case "stop":
            print((await stopProcess(folder)) ? "The lab has stopped." : "The lab does not run.");
            return;
        case "status":
            return status(folder, flags);
        case "device":
            return device(folder, rest, flags);
        case "fault":
            return fault(folder, rest, flags);
        default:
            throw new Error(command === "" ? USAGE : `There is no command "${command}".\n\n${USAGE}`);
    }
}

async function start(folder: LabFolder, flags: Flags): Promise<void> {
    const further = furtherSystems(flags.with);
    if (runningProcess(folder)) {
        if (flags["auto-boot"]) {
            await ask(folder, "POST", "auto-boot", { on: true });
        }
        for (const system of further) await ask(folder, "POST", `systems/${system}`);
        print("The lab runs already.");
    } else {
        const asked = Object.fromEntries(further.map((system) => [system, true]));
        const options: LabOptions = { ...optionsOf(folder, flags), ...asked };
        const command = [require.resolve("./daemon"), JSON.stringify(options)];
        if (flags.foreground) {
            process.exitCode = await runAttached(command);
            return;
        }
        await startDetached(command, folder);
        print("The lab has started.");
    }
    printPlaces((await ask(folder, "GET", "status")) as LabStatus);
}

function furtherSystems(names: readonly string[]): FurtherSystem[] {
    const unknown = names.find((name) => !FURTHER_SYSTEMS.some((system) => system === name));
    if (unknown === undefined) return FURTHER_SYSTEMS.filter((system) => names.includes(system));
    throw new Error(`--with takes ${FURTHER_SYSTEMS.join(" or ")}, not "${unknown}".`);
}

/** Where the lab's servers are. */
function printPlaces({ emf, systems, images }: LabStatus): void {
    print(`EMF      ${emf.endpoint}  (project ${emf.project}, user ${emf.username})`);
    for (const [system, endpoint] of Object.entries(systems)) print(`${system.padEnd(8)} ${endpoint}`);
    print(`images   ${images.baseUrl}  (${images.directory})`);
}

function optionsOf(folder: LabFolder, flags: Flags): LabOptions {
    const options: LabOptions = { dir: folder.path };
    if (flags["auto-boot"]) {
        options.autoBoot = true;
    }
    if (flags.speed !== undefined) {
        options.speed = number("speed", flags.speed);
    }
    if (flags["token-lifetime"] !== undefined) {
        options.tokenLifetime = number("token-lifetime", flags["token-lifetime"]);
    }
    return options;
}

async function status(folder: LabFolder, flags: Flags): Promise<void> {
    if (!runningProcess(folder)) {
        print("The lab does not run.");
        process.exitCode = 3;
        return;
    }
    const lab = (await ask(folder, "GET", "status")) as LabStatus;
    if (flags.json) {
        print(JSON.stringify(lab, undefined, 4));
        return;
    }
    printPlaces(lab);
    print(`realm ${lab.emf.keycloak}, password in ${folder.password}`);
    print(`certificate authority ${folder.caFile}; auto-boot ${lab.autoBoot ? "on" : "off"}; pid ${lab.pid}`);
    for (const { id, on, do: kind, hits } of lab.faults) {
        print(`fault ${id}: ${kind} on ${on}, ${hits} hits`);
    }
    print("");
    print(lab.fleet.length > 0 ? formatTable(lab.fleet) : "No devices and no hosts.");
}

async function device(folder: LabFolder, [action = "", serial = ""]: string[], flags: Flags): Promise<void> {
    if (serial === "") {
        throw new Error(`device ${action || "ACTION"} needs a serial number.\n\n${USAGE}`);
    }
    if (action === "add") {
        await ask(folder, "POST", "devices", { serial, ...(flags.uuid ? { uuid: flags.uuid } : {}) });
    } else if (action === "fail") {
        if (flags.at === undefined) {
            throw new Error(`device fail needs --at PLACE.\n\n${USAGE}`);
        }
        const defect = { at: flags.at, do: flags.hang ? "hang" : "fail", message: flags.message };
        await ask(folder, "POST", `devices/${encodeURIComponent(serial)}/fail`, defect);
    } else {
        const options = { installer: flags.installer ?? false };
        await ask(
            folder,
            "POST",
            `devices/${encodeURIComponent(serial)}/${encodeURIComponent(action)}`,
            options,
        );
    }
    print(`${serial}: ${action}`);
}

async function fault(folder: LabFolder, [action = "", target = ""]: string[], flags: Flags): Promise<void> {
    if (action === "add") {
        const numbers = (["ms", "status", "times", "every", "skip"] as const).flatMap((name) =>
            flags[name] === undefined ? [] : [[name, number(name, flags[name])] as const],
        );
        await ask(folder, "POST", "faults", {
            on: target,
            do: flags.do,
            ...(flags["after-write"] ? { after: "write" } : {}),
            ...(flags.body === undefined ? {} : { body: JSON.parse(flags.body) as unknown }),
            ...Object.fromEntries(numbers),
        });
    } else if (action === "clear") {
        await ask(folder, "DELETE", target === "" ? "faults" : `faults/${target}`);
    } else if (action !== "list") {
        throw new Error(`There is no command "fault ${action}".\n\n${USAGE}`);
    }
    const faults = (await ask(folder, "GET", "faults")) as LabStatus["faults"];
    for (const { id, on, do: kind, matched, hits } of faults) {
        print(`${id}: ${kind} on ${on}; ${matched} calls matched, ${hits} hit`);
    }
    if (faults.length === 0) {
        print("No faults.");
    }
}

/** A call to the control endpoint of the running lab. */
async function ask(folder: LabFolder, method: string, path: string, body?: object): Promise<unknown> {
    const control = readDescription(folder)?.control;
    if (!runningProcess(folder) || control === undefined) {
        throw new Error(`The lab in ${folder.path} does not run. Start it with: npm run lab`);
    }
    const text = body === undefined ? "" : JSON.stringify(body);
    const authorization = `Bearer ${readText(folder.controlToken)?.trim() ?? ""}`;
    const { status, answer } = await new Promise<{ status: number; answer: string }>((resolve, reject) => {
        const request = http.request(
            `${control.endpoint}/${path}`,
            { method, agent: false, headers: { authorization, "content-length": Buffer.byteLength(text) } },
            (response) => {
                const chunks: Buffer[] = [];
                response.on("data", (chunk: Buffer) => chunks.push(chunk));
                response.on("end", () =>
                    resolve({
                        status: response.statusCode ?? 0,
                        answer: Buffer.concat(chunks).toString("utf8"),
                    }),
                );
            },
        );
        request.on("error", reject);
        request.end(text);
    });
    const value = JSON.parse(answer) as unknown;
    if (status !== 200) {
        throw new Error((value as { error: string }).error);
    }
    return value;
}

function number(name: string, text: string): number {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < 0) {
        throw new Error(`--${name} takes a number, not "${text}".`);
    }
    return value;
}

function print(line: string): void {
    process.stdout.write(`${line}\n`);
}

main().catch((error: unknown) => {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
});
