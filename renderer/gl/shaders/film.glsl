// KHR_materials_iridescence: reflection of a thin film, after Belcour and Barla ("A practical extension to microfacet
// theory for the modeling of varying iridescence", 2017): the film's echoes, summed as a series whose terms are
// weighed by Gaussian fits of the eye's sensitivity.
const mat3 XYZ_TO_RGB = mat3(
    3.2404542, -0.9692660, 0.0556434, -1.5371385, 1.8760108, -0.2040259, -0.4985314, 0.0415560, 1.0572252);

vec3 film_sensitivity(float path, vec3 shift) {
    float phase = 2.0 * PI * path * 1e-9;
    float squared = phase * phase;
    vec3 width = vec3(4.3278e9, 9.3046e9, 6.6121e9);
    vec3 xyz = vec3(5.4856e-13, 4.4201e-13, 5.2481e-13) * sqrt(2.0 * PI * width)
        * cos(vec3(1.6810e6, 1.7953e6, 2.2084e6) * phase + shift) * exp(-squared * width);
    // The red curve has a second hump.
    xyz.x += 9.7470e-14 * sqrt(2.0 * PI * 4.5282e9) * cos(2.2399e6 * phase + shift.x) * exp(-4.5282e9 * squared);
    return XYZ_TO_RGB * (xyz / 1.0685e-7);
}

float head_on(float transmitted, float incident) {
    float share = (transmitted - incident) / (transmitted + incident);
    return share * share;
}

vec3 film_reflection(float index, float thickness, float cosine, vec3 f0) {
    // A film that thins out turns into air, whose border reflects nothing at any angle.
    float there = smoothstep(0.0, 30.0, thickness);
    float film = mix(1.0, index, there);
    float sine2 = (1.0 - cosine * cosine) / (film * film);
    if (sine2 >= 1.0) return vec3(1.0);
    float inner = sqrt(1.0 - sine2);
    float x = 1.0 - cosine, y = 1.0 - inner;
    float first = head_on(film, 1.0);
    first += there * (1.0 - first) * x * x * x * x * x;
    float through = 1.0 - first;
    vec3 root = sqrt(clamp(f0, 0.0, 0.9999));
    vec3 below = (1.0 + root) / (1.0 - root);  // the index that reflects f0
    vec3 second = (below - film) / (below + film);
    second *= second;
    second += (1.0 - second) * y * y * y * y * y;
    vec3 shift = vec3(film < 1.0 ? 0.0 : PI) + PI * vec3(lessThan(below, vec3(film)));
    float path = 2.0 * film * thickness * inner;
    vec3 both = min(first * second, 0.9999);
    vec3 echo = sqrt(both);
    vec3 all = through * through * second / (1.0 - both);
    vec3 reflected = first + all;
    vec3 weight = all - through;
    for (int order = 1; order <= 2; order++) {
        weight *= echo;
        reflected += 2.0 * weight * film_sensitivity(float(order) * path, float(order) * shift);
    }
    return clamp(reflected, 0.0, 1.0);
}

// The reflection head on that, by Schlick's formula, gives what was found at this angle.
vec3 film_head_on(float index, float thickness, float n_v, vec3 f0) {
    float cosine = max(n_v, 0.03);  // along the surface everything reflects, whatever it is made of
    vec3 reflected = film_reflection(index, thickness, cosine, f0);
    float x = 1.0 - cosine;
    float x5 = x * x * x * x * x;
    return clamp((reflected - x5) / (1.0 - x5), 0.0, 1.0);
}
