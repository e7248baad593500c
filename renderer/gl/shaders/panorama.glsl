// Light from a panorama. Diffuse: nine spherical harmonics of the cosine convolution (Ramamoorthi and Hanrahan, "An
// efficient representation for irradiance environment maps", 2001). Specular: the GGX-prefiltered chain of Karis ("Real
// shading in Unreal Engine 4", 2013), one layer of a volume for each roughness, each layer an octahedron unfolded about
// +Y (Cigolle et al., JCGT 3(2), 2014) whose outermost texel centres lie on its edges, so that no seam is ever filtered.
uniform sampler3D u_panorama;

// Irradiance divided by pi.
vec3 environment_diffuse(vec3 n) {
    vec3 sum = u_irradiance[0].rgb + u_irradiance[1].rgb * n.x + u_irradiance[2].rgb * n.y + u_irradiance[3].rgb * n.z
        + u_irradiance[4].rgb * (n.x * n.y) + u_irradiance[5].rgb * (n.y * n.z) + u_irradiance[6].rgb * (n.x * n.z)
        + u_irradiance[7].rgb * (n.y * n.y) + u_irradiance[8].rgb * (n.x * n.x - n.z * n.z);
    return max(sum, 0.0);
}

vec3 environment_specular(vec3 direction, float roughness) {
    vec3 a = direction / (abs(direction.x) + abs(direction.y) + abs(direction.z));
    vec2 folded = (1.0 - abs(a.zx)) * vec2(a.x < 0.0 ? -1.0 : 1.0, a.z < 0.0 ? -1.0 : 1.0);
    vec3 at = vec3((a.y < 0.0 ? folded : a.xz) * 0.5 + 0.5, roughness);
    at = (at * (u_look.zzw - 1.0) + 0.5) / u_look.zzw;
    return texture(u_panorama, at).rgb * u_look.y;
}
