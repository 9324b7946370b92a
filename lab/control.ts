import * as crypto from "node:crypto";
import type * as http from "node:http";

import { FURTHER_SYSTEMS, type FurtherSystem } from "./description";
import type { Defect } from "./emf/device";
import type { Fault } from "./faults";
import { fleetLines, type FleetLine } from "./fleetTable";
import type { Lab } from "./index";

/** What `GET /status` answers. */
export interface LabStatus {
    pid: number;
    emf: { endpoint: string; keycloak: string; project: string; username: string };
    /** Where the other stand-ins that run are: `{ ims: "https://127.0.0.1:…" }`. */
    systems: Partial<Record<FurtherSystem, string>>;
    images: { directory: string; baseUrl: string };
    autoBoot: boolean;
    faults: { id: number; on: string; do: string; matched: number; hits: number }[];
    fleet: FleetLine[];
}

/** A request to the control endpoint that cannot be done; the text is for the user. */
class Refused extends Error {
    constructor(
        readonly status: number,
        message: string,
    ) {
        super(message);
    }
}

type Body = Record<string, unknown>;

/**
 * Lets a command line work on a running lab: its machines, its faults, its counters. The token is in the lab folder,
 * so that only the lab's owner can. `describe` writes where everything is, after something has been started.
 */
export function createControl(lab: Lab, token: string, describe: () => void): http.RequestListener {
    return (request, response) => {
        serve(lab, token, request, describe).then(
            (answer) => {
                // What a command has done is kept before the command says so.
                lab.emf.flush();
                send(response, 200, answer ?? {});
            },
            (error: unknown) => {
                const status = error instanceof Refused ? error.status : 400;
                send(response, status, { error: (error as Error).message });
            },
        );
    };
}

async function serve(
    lab: Lab,
    token: string,
    request: http.IncomingMessage,
    describe: () => void,
): Promise<unknown> {
    if (!isToken(request.headers.authorization, token)) {
        throw new Refused(
            401,
            "The token of the control endpoint is missing or wrong; it is in the lab folder.",
        );
    }
    const body = await readBody(request);
    const [what = "", name = "", action = ""] = (request.url ?? "/")
        .slice(1)
        .split("/")
        .map((part) => decodeURIComponent(part));
    const { emf } = lab;
    switch (`${request.method ?? ""} ${what}`) {
        case "GET status":
            return status(lab);
        case "POST devices":
            return name === "" ? emf.addDevice(body).state : actOnDevice(lab, name, action, body);
        case "POST systems":
            await lab.start(furtherSystem(name));
            describe();
            return status(lab);
        case "GET faults":
            return emf.faults();
        case "POST faults":
            return emf.fault(body as unknown as Fault);
        case "DELETE faults":
            emf.clearFaults(name === "" ? undefined : Number(name));
            return emf.faults();
        case "POST auto-boot":
            emf.autoBoot = body.on === true;
            return { autoBoot: emf.autoBoot };
        case "GET calls":
            return emf.calls();
        case "DELETE calls":
            emf.resetCalls();
            return emf.calls();
        case "POST image-certificate":
            return { certificate: await lab.images.rotateCertificate() };
        default:
            throw new Refused(404, `The lab's control endpoint has no ${request.method ?? ""} /${what}.`);
    }
}

function furtherSystem(name: string): FurtherSystem {
    const system = FURTHER_SYSTEMS.find((known) => known === name);
    if (system) return system;
    throw new Refused(404, `The lab has no system "${name}"; it has: ${FURTHER_SYSTEMS.join(", ")}.`);
}

function actOnDevice({ emf }: Lab, name: string, action: string, body: Body): unknown {
    const device = emf.device(name);
    switch (action) {
        case "boot":
            device.boot({ installer: body.installer === true });
            break;
        case "off":
            device.off();
            break;
        case "unplug":
            device.unplug();
            break;
        case "fail":
            device.fail(body as unknown as Defect);
            break;
        case "repair":
            device.repair();
            break;
        default:
            throw new Refused(404, `A device of the lab cannot "${action}".`);
    }
    return device.state;
}

function status(lab: Lab): LabStatus {
    const { emf, images } = lab;
    const { endpoint, keycloak, project, username, autoBoot } = emf;
    return {
        pid: process.pid,
        emf: { endpoint, keycloak, project, username },
        systems: Object.fromEntries(lab.systems().map((system) => [system, lab[system].endpoint])),
        images: { directory: images.directory, baseUrl: images.baseUrl },
        autoBoot,
        faults: emf
            .faults()
            .map(({ id, on, do: kind, matched, hits }) => ({ id, on, do: kind, matched, hits })),
        fleet: fleetLines(emf.store, emf.devices()),
    };
}

function isToken(authorization: string | undefined, token: string): boolean {
    const digest = (text: string): Buffer => crypto.createHash("sha256").update(text).digest();
    return crypto.timingSafeEqual(digest(authorization ?? ""), digest(`Bearer ${token}`));
}

async function readBody(request: http.IncomingMessage): Promise<Body> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
        chunks.push(chunk as Buffer);
    }
    const text = Buffer.concat(chunks).toString("utf8");
    const value: unknown = text === "" ? {} : JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw new Refused(400, "The body must be a JSON object.");
    }
    return value as Body;
}

function send(response: http.ServerResponse, status: number, value: unknown): void {
    const body = `${JSON.stringify(value)}\n`;
    response.writeHead(status, {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        connection: "close",
    });
    response.end(body);
}
