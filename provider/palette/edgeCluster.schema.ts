import { isIPv4, isIPv6 } from "node:net";
import { z } from "zod";
import { ENDPOINT_TYPES, TAINT_EFFECTS, UPDATE_STRATEGIES } from "./clusterApi";
import { tagsField } from "./clusterProfile.schema";
import { edgeHostUidFault } from "./edgeHostUid";
import { targetFields } from "./target";

const word = z.string().min(1, "must not be empty");

const address = z.string().refine((text) => isIPv4(text) || isIPv6(text), "must be an IP address");

const hostField = z.object({
    uid: z.string().superRefine((uid, context) => {
        const fault = edgeHostUidFault(uid);
        if (fault !== undefined) context.addIssue(fault);
    }),
    /** Of the node. */
    name: word.optional(),
    network: z
        .object({
            ip: address,
            nic: word.optional(),
            gateway: address.optional(),
            subnet: word.optional(),
            dns: z.array(address).optional(),
        })
        .optional(),
});

const pool = {
    hosts: z.array(hostField),
    architecture: z.enum(["amd64", "arm64"]).optional(),
    labels: z.record(word, z.string()).optional(),
    taints: z
        .array(
            z.object({
                key: word,
                value: z.string().optional(),
                effect: z.enum(TAINT_EFFECTS),
            }),
        )
        .optional(),
    updateStrategy: z.enum(UPDATE_STRATEGIES).optional(),
};

const profileField = z.object({
    uid: word,
    variables: z.record(word, z.string()).optional(),
});

export const edgeClusterInputs = z.object({
    ...targetFields,
    name: z
        .string()
        .regex(
            /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/,
            "must be 2 to 32 lower-case letters, digits and -, beginning with a letter and not ending in -",
        ),
    description: z.string().optional(),
    tags: tagsField.optional(),
    profiles: z.array(profileField).min(1, "must have at least one profile"),
    controlPlane: z.object({ ...pool, name: word.optional(), alsoWorker: z.boolean().optional() }),
    workers: z.array(z.object({ ...pool, name: word })).optional(),
    controlPlaneEndpoint: z
        .object({ type: z.enum(ENDPOINT_TYPES), host: word.optional(), searchDomain: word.optional() })
        .optional(),
    ntpServers: z.array(word).optional(),
    sshKeys: z.array(z.string().overwrite((key) => key.trim())).optional(),
    overlayCidr: word.optional(),
    twoNode: z.boolean().optional(),
    repave: z.enum(["allow", "refuse"]).default("allow").meta({ control: true }),
    forceDelete: z.boolean().optional(),
    adopt: z.boolean().optional().meta({ control: true }),

    /** The image that nodes run: kept for the next preview, which tells by it whether nodes are repaved. */
    systemUri: z.string().optional().meta({ control: true }),
    /** Another one means another thing to wait for. */
    revision: z.string().meta({ derived: true }),
});

export const edgeClusterOutputs = z.object({
    uid: z.string(),
    /** Palette's address of the control plane; it assigns one where none is given. */
    endpointHost: z.string().optional(),
    /** What stands in the cluster's labels while it is this row's. */
    claim: z.string(),
});

export type ClusterInputs = z.output<typeof edgeClusterInputs>;
export type ClusterOutputs = z.output<typeof edgeClusterOutputs>;
export type ClusterHostInput = ClusterInputs["controlPlane"]["hosts"][number];

export const CONTROL_PLANE = "control-plane";

/** A pool as the program has it, of either kind. */
export interface PoolInput extends Omit<ClusterInputs["controlPlane"], "name"> {
    readonly name: string;
    readonly isControlPlane: boolean;
}

/** All pools, the control plane first. */
export function poolsOf({
    controlPlane,
    workers = [],
}: Pick<ClusterInputs, "controlPlane" | "workers">): PoolInput[] {
    const { name = CONTROL_PLANE, ...rest } = controlPlane;
    return [
        { ...rest, name, isControlPlane: true },
        ...workers.map((workerPool) => ({ ...workerPool, isControlPlane: false })),
    ];
}
