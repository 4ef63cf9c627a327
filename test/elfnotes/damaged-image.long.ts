import { damageImages, IMAGES } from "./damaged-images.js";

const MUTATED = 200_000;

describe(`a damaged image, of ${MUTATED}`, () => damageImages(Math.ceil(MUTATED / (2 * IMAGES.length))));
