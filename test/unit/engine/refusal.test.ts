import { expect } from "chai";
import { isLoopback, refuseWhereHarmful, type Surroundings } from "../../../lab/engine/refusal";

const calm: Surroundings = { env: {}, stateDir: "/lab/state", config: {}, secretKeys: [] };
const emf = (endpoint: string): string => JSON.stringify({ endpoint, project: "p" });

describe("where the embedded engine refuses to run", () => {
    const refused: [string, Partial<Surroundings>, string][] = [
        [
            "another backend",
            { env: { PULUMI_BACKEND_URL: "s3://bucket?x=1" } },
            "another backend (s3://bucket)",
        ],
        [
            "a backend's credentials",
            { env: { PULUMI_BACKEND_URL: "postgres://u:pw@db/x" } },
            "(postgres://db/x)",
        ],
        ["Pulumi Cloud", { env: { PULUMI_ACCESS_TOKEN: "pul-secret" } }, "PULUMI_ACCESS_TOKEN is set"],
        [
            "the project's backend",
            { projectBackend: "file://~" },
            'the project\'s "backend" names another backend',
        ],
        [
            "an endpoint",
            { config: { "edge-os:emf": emf("https://api.example.com") } },
            "edge-os:emf.endpoint is not on",
        ],
        [
            "a named connection's endpoint",
            {
                config: {
                    "edge-os:connections": JSON.stringify({
                        north: { emf: { endpoint: "https://10.0.0.1" } },
                    }),
                },
            },
            "edge-os:connections.north.emf.endpoint",
        ],
        ["a plain key", { config: { "edge-os:endpoint": "https://api.example.com" } }, "edge-os:endpoint"],
        [
            "an endpoint of the environment",
            { env: { EDGE_OS_EMF_ENDPOINT: "api.example.com:443" } },
            "EDGE_OS_EMF_ENDPOINT",
        ],
        [
            "one of a connection",
            { env: { EDGE_OS_NORTH_EMF_ENDPOINT: "https://h" } },
            "EDGE_OS_NORTH_EMF_ENDPOINT",
        ],
        ["what is no address", { env: { EDGE_OS_EMF_ENDPOINT: "http://[" } }, "EDGE_OS_EMF_ENDPOINT"],
    ];
    for (const [what, change, message] of refused) {
        it(`refuses ${what}, unless told otherwise`, () => {
            const where = { ...calm, ...change };
            expect(() => refuseWhereHarmful(where)).to.throw(message);
            refuseWhereHarmful({ ...where, env: { ...where.env, EDGE_OS_EMBEDDED_ENGINE: "1" } });
        });
    }

    it("runs against the lab, on its own state", () => {
        refuseWhereHarmful({
            ...calm,
            env: {
                PULUMI_BACKEND_URL: "file:///lab/state/",
                PULUMI_ACCESS_TOKEN: "",
                EDGE_OS_EMF_ENDPOINT: "https://localhost:8443/v2",
            },
            projectBackend: "file:///lab/state",
            config: {
                "edge-os:emf": emf("https://127.0.0.1:8443"),
                "other:endpoint": "https://api.example.com",
            },
        });
    });

    it("says every reason at once, and no secret", () => {
        const where = {
            ...calm,
            env: { PULUMI_ACCESS_TOKEN: "pul-secret" },
            config: { "edge-os:emf": emf("https://hidden.example.com") },
            secretKeys: ["edge-os:emf"],
        };
        expect(() => refuseWhereHarmful(where))
            .to.throw(/PULUMI_ACCESS_TOKEN(.|\n)*edge-os:emf/)
            .with.property("message")
            .that.does.not.match(/pul-secret|hidden\.example/);
    });

    it("knows this machine's names", () => {
        for (const own of [
            "http://localhost:1",
            "https://[::1]:2/x",
            "127.1.2.3",
            "lab.localhost:80",
            "localhost.",
        ]) {
            expect(isLoopback(own), own).to.equal(true);
        }
        for (const other of ["http://localhost.example.com", "https://10.0.0.1", "127.example.com", ""]) {
            expect(isLoopback(other), other).to.equal(false);
        }
    });
});
