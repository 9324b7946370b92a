/** What Palette's documentation leaves open: each can be either, and clients must bear both. */
export interface PaletteBehaviour {
    /**
     * What an unknown API key is answered with: as the documentation has it, or as a missing resource with the key in
     * the message (palette-sdk-go #209).
     */
    invalidKey: "Unauthorized" | "ResourceNotFound";
    /** The status of `AlreadyRegisteredEdgeHostDevice`. */
    alreadyRegisteredStatus: 400 | 409;
    /** Whether the deletion of a host that is a member of a cluster is refused. */
    deleteInUse: "refuse" | "remove";
    /** Whether the agent of a host that is deleted while it is on makes the host again. */
    agentReturns: boolean;
    /** What the agent's tags do to the labels of a host that was registered before. */
    agentLabels: "keep" | "overwrite";
    /** Whether the architecture is told before the agent has paired. */
    architectureBeforePairing: boolean;
    /** What a PUT of `{}` as labels does. */
    emptyLabels: "clear" | "keep";
    /** Whether a second profile of the same name and version is refused. */
    duplicateProfile: "refuse" | "accept";
    /** What type a clone of an add-on profile has: field reports tell of `cluster`. */
    cloneType: "keep" | "cluster";
    /** Whether somebody has to approve that nodes are repaved. */
    repaveApproval: "needed" | "given";
    /** Whether a host is free as soon as it is taken out of a cluster, or when its node has been drained. */
    leaving: "at-once" | "drains";
    /** Whether a cluster's deletion comes to an end by itself. */
    deletion: "ends" | "sticks";
}

export const DEFAULT_BEHAVIOUR: PaletteBehaviour = {
    invalidKey: "ResourceNotFound",
    alreadyRegisteredStatus: 400,
    deleteInUse: "refuse",
    agentReturns: false,
    agentLabels: "keep",
    architectureBeforePairing: false,
    emptyLabels: "clear",
    duplicateProfile: "refuse",
    cloneType: "keep",
    repaveApproval: "given",
    leaving: "at-once",
    deletion: "ends",
};
