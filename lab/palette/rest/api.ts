import * as crypto from "node:crypto";
import { decodeSegment, empty, json, type ApiRequest, type ApiResponse } from "../../http";
import type { RateLimits } from "../rateLimits";
import type { Project } from "../store";
import type { Handler, PaletteService } from "./call";
import * as cloudConfigs from "./cloudConfigs";
import { settleClusters } from "./clusterLife";
import * as clusterProfiles from "./clusterProfiles";
import * as profilesOf from "./clusterProfilesOf";
import * as clusters from "./clusters";
import { operationOf, type Operation } from "./description";
import * as edgeHosts from "./edgeHosts";
import { invalid, notFound, PaletteError } from "./errors";
import * as packs from "./packs";
import * as projects from "./projects";
import * as tokens from "./tokens";
import { validateAnswer, validateRequest } from "./validation";

/** What answers which operation of the description. */
const HANDLERS: Readonly<Record<string, Handler>> = {
    "GET /v1/dashboard/projects/metadata": projects.list,
    "POST /v1/edgehosts": edgeHosts.create,
    "GET /v1/edgehosts/metadata": edgeHosts.listMetadata,
    "GET /v1/edgehosts/tags": edgeHosts.tags,
    "GET /v1/edgehosts/{uid}": edgeHosts.get,
    "PUT /v1/edgehosts/{uid}": edgeHosts.update,
    "DELETE /v1/edgehosts/{uid}": edgeHosts.remove,
    "PUT /v1/edgehosts/{uid}/meta": edgeHosts.updateMeta,
    "PATCH /v1/edgehosts/{uid}/tunnelConfig": edgeHosts.setTunnel,
    "PATCH /v1/edgehosts/{uid}/hostPairingKey": edgeHosts.setPairingKey,
    "POST /v1/dashboard/edgehosts/search": edgeHosts.search,
    "GET /v1/edgehosts/tokens": tokens.list,
    "POST /v1/edgehosts/tokens": tokens.create,
    "GET /v1/edgehosts/tokens/{uid}": tokens.get,
    "PUT /v1/edgehosts/tokens/{uid}": tokens.update,
    "DELETE /v1/edgehosts/tokens/{uid}": tokens.remove,
    "PUT /v1/edgehosts/tokens/{uid}/state": tokens.setState,
    "GET /v1/registries/metadata": packs.listRegistries,
    "GET /v1/registries/helm/{uid}/sync/status": packs.syncStatus,
    "GET /v1/registries/oci/{uid}/basic/sync/status": packs.syncStatus,
    "GET /v1/registries/pack/{uid}/sync/status": packs.syncStatus,
    "GET /v1/packs/{packName}/registries/{registryUid}": packs.versionsOf,
    "POST /v1/clusterprofiles": clusterProfiles.create,
    "GET /v1/clusterprofiles/{uid}": clusterProfiles.get,
    "PUT /v1/clusterprofiles/{uid}": clusterProfiles.update,
    "DELETE /v1/clusterprofiles/{uid}": clusterProfiles.remove,
    "POST /v1/clusterprofiles/{uid}/clone": clusterProfiles.clone,
    "GET /v1/clusterprofiles/{uid}/packs/manifests": clusterProfiles.packManifests,
    "PATCH /v1/clusterprofiles/{uid}/metadata": clusterProfiles.updateMetadata,
    "PATCH /v1/clusterprofiles/{uid}/publish": clusterProfiles.publish,
    "GET /v1/clusterprofiles/{uid}/variables": clusterProfiles.getVariables,
    "PUT /v1/clusterprofiles/{uid}/variables": clusterProfiles.putVariables,
    "PATCH /v1/clusterprofiles/{uid}/variables": clusterProfiles.patchVariables,
    "DELETE /v1/clusterprofiles/{uid}/variables": clusterProfiles.removeVariables,
    "GET /v1/dashboard/clusterprofiles/metadata": clusterProfiles.list,
    "POST /v1/spectroclusters/edge-native": clusters.create,
    "GET /v1/spectroclusters/{uid}": clusters.get,
    "DELETE /v1/spectroclusters/{uid}": clusters.remove,
    "PATCH /v1/spectroclusters/{uid}/metadata": clusters.updateMetadata,
    "GET /v1/spectroclusters/{uid}/profiles": profilesOf.listProfiles,
    "PATCH /v1/spectroclusters/{uid}/profiles": profilesOf.patchProfiles,
    "DELETE /v1/spectroclusters/{uid}/profiles": profilesOf.removeProfiles,
    "PATCH /v1/spectroclusters/{uid}/repave/approve": profilesOf.approveRepave,
    "GET /v1/spectroclusters/{uid}/variables": profilesOf.getVariables,
    "PATCH /v1/spectroclusters/{uid}/variables": profilesOf.patchVariables,
    "POST /v1/dashboard/spectroclusters/search": clusters.search,
    "GET /v1/dashboard/spectroclusters/{uid}/overview": clusters.overview,
    "GET /v1/cloudconfigs/edge-native/{configUid}": cloudConfigs.get,
    "PUT /v1/cloudconfigs/edge-native/{configUid}/clusterConfig": cloudConfigs.updateConfig,
    "POST /v1/cloudconfigs/edge-native/{configUid}/machinePools": cloudConfigs.addPool,
    "PUT /v1/cloudconfigs/edge-native/{configUid}/machinePools/{machinePoolName}": cloudConfigs.updatePool,
    "DELETE /v1/cloudconfigs/edge-native/{configUid}/machinePools/{machinePoolName}": cloudConfigs.removePool,
};

export interface PaletteApiOptions {
    readonly service: PaletteService;
    readonly apiKey: string;
    readonly limits: RateLimits;
}

/** Palette's REST API, from the raw request to the answer. */
export function createPaletteApi(options: PaletteApiOptions): (request: ApiRequest) => Promise<ApiResponse> {
    return (request) => {
        const ref = crypto.randomUUID();
        try {
            return Promise.resolve(answer(request, options));
        } catch (error) {
            return Promise.resolve(refusal(error, ref));
        }
    };
}

function answer(request: ApiRequest, { service, apiKey, limits }: PaletteApiOptions): ApiResponse {
    const [path = "", search = ""] = request.url.split("?", 2);
    if (!limits.admit(request.address ?? "", path)) {
        throw new PaletteError(429, "TooManyRequests", "too many requests");
    }
    authenticate(request.headers.apikey, apiKey, service);
    const found = operationOf(request.method, path);
    const handler = found && HANDLERS[`${found.operation.method} ${found.operation.path}`];
    if (!handler) throw new PaletteError(404, "RouteNotFound", `path ${path} was not found`);
    const { operation, params } = found;
    settleClusters(service);
    const result = handler({
        service,
        params: decoded(params),
        query: readQuery(operation, search),
        body: readBody(operation, request.body),
        project: scopeOf(request, service),
    });
    return success(operation, result);
}

function authenticate(given: string | undefined, apiKey: string, { behaviour }: PaletteService): void {
    if (given === apiKey) return;
    if (given !== undefined && behaviour.invalidKey === "ResourceNotFound") {
        throw notFound("ApiKey", given);
    }
    throw new PaletteError(401, "Unauthorized", "the api key is missing or not valid");
}

function scopeOf({ headers }: ApiRequest, { store }: PaletteService): Project | undefined {
    const { projectuid: uid } = headers;
    if (uid === undefined || uid === "") return undefined;
    const project = store.projects.find((candidate) => candidate.uid === uid);
    if (!project) throw notFound("Project", uid);
    return project;
}

function decoded(params: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(
        Object.entries(params).map(([name, segment]) => {
            const value = decodeSegment(segment);
            if (value === undefined) throw invalid(`${name} is not valid`);
            return [name, value];
        }),
    );
}

/** Palette passes over what it does not know; here a client's slip is to show. */
function readQuery({ query }: Operation, search: string): URLSearchParams {
    const given = new URLSearchParams(search);
    const unknown = [...given.keys()].find((name) => !query.includes(name));
    if (unknown !== undefined) throw invalid(`there is no query parameter '${unknown}'`);
    return given;
}

function readBody({ body: schema }: Operation, body: Buffer = Buffer.alloc(0)): unknown {
    if (schema === undefined) return undefined;
    let value: unknown;
    try {
        value = JSON.parse(body.toString("utf8"));
    } catch {
        throw invalid("the request body is no JSON");
    }
    validateRequest(schema, value);
    return value;
}

function success({ status, answer: schema }: Operation, result: unknown): ApiResponse {
    if (schema === undefined) return empty(status);
    validateAnswer(schema, result);
    return json(status, result);
}

function refusal(error: unknown, ref: string): ApiResponse {
    if (error instanceof PaletteError) return error.toResponse(ref);
    // Defects of the lab are told where its user looks, not only to the client.
    process.stderr.write(
        `lab Palette: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    return new PaletteError(500, "InternalError", "operational error").toResponse(ref);
}
