// One edge of an outline as a strip one pixel wide across the axis that it follows least (Persson,
// GPU Pro 2, 2011).
in vec3 in_from;  // normalised device coordinates
in vec3 in_to;
uniform vec2 u_size;  // pixels
out float v_aside;     // pixels from the edge, along the axis across
flat out ivec2 v_across;

void main() {
    vec2 along = (in_to.xy - in_from.xy) * u_size;
    bool lying = abs(along.x) >= abs(along.y);
    vec2 across = lying ? vec2(0.0, 1.0) : vec2(1.0, 0.0);
    vec3 end = (gl_VertexID & 1) == 0 ? in_from : in_to;
    v_aside = gl_VertexID < 2 ? -0.5 : 0.5;
    v_across = ivec2(across);
    gl_Position = vec4(end.xy + across * (2.0 * v_aside) / u_size, end.z, 1.0);
}
