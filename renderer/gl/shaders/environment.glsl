// Light from everywhere: a sky, horizon and ground gradient over elevation y, L(y) = horizon + max(y,0) (sky - horizon)
// + max(-y,0) (ground - horizon). Its cosine convolution is a quadratic in y: the first three Legendre bands of
// max(y,0), 1/4 + y/2 + 5/16 P2(y), times the Lambert kernel's 1, 2/3, 1/4 (Ramamoorthi and Hanrahan 2001).
float gathered(float y) {
    return 0.25 + y / 3.0 + 0.078125 * (1.5 * y * y - 0.5);
}

vec3 gradient(float up, float down) {
    return u_horizon.rgb + up * (u_sky.rgb - u_horizon.rgb) + down * (u_ground.rgb - u_horizon.rgb);
}

// Irradiance divided by pi.
vec3 environment_diffuse(vec3 normal) {
    return max(gradient(gathered(normal.y), gathered(-normal.y)), 0.0);
}

// Radiance around a reflected direction, from sharp at roughness 0 to the cosine convolution at 1.
vec3 environment_specular(vec3 direction, float roughness) {
    float y = direction.y;
    float up = mix(max(y, 0.0), gathered(y), roughness);
    float down = mix(max(-y, 0.0), gathered(-y), roughness);
    return max(gradient(up, down), 0.0);
}
