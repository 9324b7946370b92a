import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import { testGuidePrograms } from "../../support/guideTests";

const GUIDE = "docs/palette.md";

describe(`the programs of ${GUIDE}`, function () {
    this.timeout(60_000);
    let lab: Lab;

    before(async () => {
        lab = await startLab({ emf: false, images: false, palette: true });
    });
    after(() => lab.close());

    testGuidePrograms({
        ...{ file: GUIDE, programs: 4, files: {} },
        site: () => {
            const { endpoint, apiKey, caFile } = lab.palette;
            return {
                config: { "edge-os:palette": { endpoint, caFile } },
                env: { EDGE_OS_PALETTE_API_KEY: apiKey },
                afterPreview: () => {
                    const { edgeHosts, tokens, profiles, clusters } = lab.palette.store;
                    const made = [edgeHosts, tokens, profiles, clusters].flatMap<object>((kind) =>
                        kind.list(),
                    );
                    expect(made, "made by a preview").to.deep.equal([]);
                },
            };
        },
    });
});
