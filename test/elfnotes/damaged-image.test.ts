import { damageImages } from "./damaged-images.js";

describe("a damaged image", () => damageImages(150));
