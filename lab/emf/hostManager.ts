import { idle, inProgress, unknown, type ResourceManager } from "./resourceManager";
import type { EmfStore, HostRow } from "./store";
import type { Pace } from "./world";

const DELETE_MS = 120;
const INVALIDATE_MS = 120;

interface Managed {
    readonly store: EmfStore;
    readonly manager: ResourceManager;
    readonly pace: Pace;
}

/**
 * The part of EMF that carries out what users want of hosts and instances without their machines: deletions and
 * deauthorizations (infra-onboarding, reconcilers/host.go and instance.go).
 */
export class HostManager {
    private readonly underWay = new Set<string>();

    constructor(
        private readonly managed: Managed,
        private readonly follow: (work: Promise<void>) => void,
        private readonly signal: AbortSignal,
    ) {}

    hostChanged(resourceId: string): void {
        const host = this.managed.store.find("host", resourceId);
        if (host?.desiredState === "HOST_STATE_DELETED") {
            this.once(resourceId, () => this.deleteHost(resourceId));
        } else if (
            host?.desiredState === "HOST_STATE_UNTRUSTED" &&
            host.currentState !== "HOST_STATE_UNTRUSTED"
        ) {
            this.once(resourceId, () => this.invalidateHost(resourceId));
        }
    }

    instanceChanged(resourceId: string): void {
        const instance = this.managed.store.find("instance", resourceId);
        if (instance?.desiredState === "INSTANCE_STATE_DELETED") {
            this.once(resourceId, () => this.finishInstance(resourceId, "INSTANCE_STATE_DELETED"));
        } else if (
            instance?.desiredState === "INSTANCE_STATE_UNTRUSTED" &&
            instance.currentState !== "INSTANCE_STATE_UNTRUSTED"
        ) {
            this.once(resourceId, () => this.finishInstance(resourceId, "INSTANCE_STATE_UNTRUSTED"));
        }
    }

    private once(resourceId: string, work: () => Promise<void>): void {
        if (!this.underWay.has(resourceId)) {
            this.underWay.add(resourceId);
            this.follow(work().finally(() => this.underWay.delete(resourceId)));
        }
    }

    private async deleteHost(hostId: string): Promise<void> {
        const { store, manager, pace } = this.managed;
        for (;;) {
            await pace.wait(DELETE_MS, this.signal);
            const host = store.find("host", hostId);
            // An un-delete in the meantime wins, as it does in EMF.
            if (host?.desiredState !== "HOST_STATE_DELETED" || host.currentState === "HOST_STATE_DELETED") {
                return;
            }
            const instance = store.instanceOf(hostId);
            if (!instance) {
                this.setHostStatus(host, "Deleting");
                manager.removeHost(hostId);
                return;
            }
            this.setHostStatus(host, `Deleting: waiting on ${instance.resourceId} deletion`);
        }
    }

    private setHostStatus({ resourceId, hostStatus }: HostRow, text: string): void {
        const { manager } = this.managed;
        if (hostStatus !== text) {
            manager.host(resourceId, manager.status("hostStatus", inProgress(text)));
        }
    }

    private async invalidateHost(hostId: string): Promise<void> {
        const { store, manager, pace } = this.managed;
        const host = store.find("host", hostId);
        if (!host) {
            return;
        }
        this.setHostStatus(host, "Invalidating");
        await pace.wait(INVALIDATE_MS, this.signal);
        if (store.find("host", hostId)?.desiredState !== "HOST_STATE_UNTRUSTED") {
            return;
        }
        manager.host(hostId, {
            currentState: "HOST_STATE_UNTRUSTED",
            ...manager.status("hostStatus", idle("Invalidated")),
            onboardingStatus: unknown.text,
            onboardingStatusIndicator: unknown.indicator,
            registrationStatus: unknown.text,
            registrationStatusIndicator: unknown.indicator,
        });
        const instance = store.instanceOf(hostId);
        if (instance?.desiredState === "INSTANCE_STATE_RUNNING") {
            manager.instance(instance.resourceId, {
                ...manager.status("instanceStatus", unknown),
                instanceStatusDetail: "",
                ...manager.status("provisioningStatus", unknown),
                ...manager.status("updateStatus", unknown),
                ...manager.status("trustedAttestationStatus", unknown),
            });
        }
    }

    private async finishInstance(
        resourceId: string,
        state: "INSTANCE_STATE_DELETED" | "INSTANCE_STATE_UNTRUSTED",
    ): Promise<void> {
        const { store, manager, pace } = this.managed;
        await pace.wait(DELETE_MS, this.signal);
        if (store.find("instance", resourceId)?.desiredState !== state) {
            return;
        }
        manager.instance(resourceId, { currentState: state });
    }
}
