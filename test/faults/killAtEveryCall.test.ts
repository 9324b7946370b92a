import { startLab } from "../../lab";
import { paletteConfig } from "../support/palette";
import { journeys, paletteJourneys } from "./journeys";
import { testKilling, type Stand } from "./killing";

for (const journey of journeys) testKilling(journey, startEmf);
for (const journey of paletteJourneys) testKilling(journey, startPalette);

async function startEmf(): Promise<Stand> {
    const lab = await startLab({ speed: 20 });
    const { endpoint, keycloak, project, username, password, caFile } = lab.emf;
    return {
        ...{ lab, standIn: lab.emf, list: (path) => lab.emf.list(path) },
        config: { "edge-os:emf": JSON.stringify({ endpoint, keycloak, project, username, caFile }) },
        env: { EDGE_OS_EMF_PASSWORD: password },
    };
}

async function startPalette(): Promise<Stand> {
    const lab = await startLab({ emf: false, images: false, palette: true, paletteClusterPace: 20 });
    const { apiKey, ...open } = paletteConfig(lab.palette);
    const { edgeHosts, tokens, profiles, clusters } = lab.palette.store;
    // Deleted clusters are shown for days; how far a change has come is the nodes' affair.
    const live = {
        list: () =>
            clusters
                .list()
                .filter(({ state }) => state !== "Deleted")
                .map(({ name, labels, config, pools, profiles: uses }) => ({
                    ...{ name, labels, config, pools },
                    versions: uses.map(({ uid }) => profiles.get(uid)?.version),
                })),
    };
    const lists: Record<string, { list(): readonly unknown[] } | undefined> = {
        ...{ edgeHosts, tokens, profiles },
        clusters: live,
    };
    return {
        ...{ lab, standIn: lab.palette, list: async (name) => lists[name]?.list() ?? [] },
        config: { "edge-os:palette": JSON.stringify(open) },
        env: { EDGE_OS_PALETTE_API_KEY: apiKey },
    };
}
