// Light from a panorama: the GGX-prefiltered chain of Karis ("Real shading in Unreal Engine 4", 2013), one layer of a
// volume for each roughness, and the cosine convolution in one more. Each layer is an octahedron unfolded about +Y
// (Cigolle et al., JCGT 3(2), 2014) whose outermost texel centres lie on its edges, so that no seam is ever filtered.
uniform sampler3D u_panorama;

vec2 unfolded(vec3 direction) {
    vec3 a = direction / (abs(direction.x) + abs(direction.y) + abs(direction.z));
    vec2 folded = (1.0 - abs(a.zx)) * vec2(a.x < 0.0 ? -1.0 : 1.0, a.z < 0.0 ? -1.0 : 1.0);
    return ((a.y < 0.0 ? folded : a.xz) * 0.5 + 0.5) * (1.0 - 1.0 / u_look.z) + 0.5 / u_look.z;
}

// Irradiance divided by pi.
vec3 environment_diffuse(vec3 normal) {
    return texture(u_panorama, vec3(unfolded(normal), (u_look.w + 0.5) / (u_look.w + 1.0))).rgb * u_look.y;
}

// At roughness 1 this ends on the middle of its layer: nothing of the convolution gets in.
vec3 environment_specular(vec3 direction, float roughness) {
    float layer = (roughness * (u_look.w - 1.0) + 0.5) / (u_look.w + 1.0);
    return texture(u_panorama, vec3(unfolded(direction), layer)).rgb * u_look.y;
}
