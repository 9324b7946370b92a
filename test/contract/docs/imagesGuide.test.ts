import { testGuidePrograms } from "../../support/guideTests";

describe("the programs of docs/images.md", () => {
    testGuidePrograms({
        ...{ file: "docs/images.md", programs: 1, files: {} },
        site: () => ({}),
        // The image is not built where the guide is read: a preview says so, and goes on.
        allowed: ["warning"],
    });
});
