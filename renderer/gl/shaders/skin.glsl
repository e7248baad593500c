// Weighted sum of joint matrices (glTF 2.0, 3.7.3.1): three rows per joint in a float texture, 256 joints a line.
in uvec4 in_joints0;
in vec4 in_weights0;
#ifdef SKIN_8
in uvec4 in_joints1;
in vec4 in_weights1;
#endif
uniform sampler2D u_joints;
uniform int u_first_joint;

void add_joint(uint joint, float weight, inout vec4 row0, inout vec4 row1, inout vec4 row2) {
    int index = int(joint) + u_first_joint;
    ivec2 at = ivec2((index & 255) * 3, index >> 8);
    row0 += weight * texelFetch(u_joints, at, 0);
    row1 += weight * texelFetch(u_joints, at + ivec2(1, 0), 0);
    row2 += weight * texelFetch(u_joints, at + ivec2(2, 0), 0);
}

void blend_joints(out vec4 row0, out vec4 row1, out vec4 row2) {
    row0 = vec4(0.0);
    row1 = vec4(0.0);
    row2 = vec4(0.0);
    add_joint(in_joints0.x, in_weights0.x, row0, row1, row2);
    add_joint(in_joints0.y, in_weights0.y, row0, row1, row2);
    add_joint(in_joints0.z, in_weights0.z, row0, row1, row2);
    add_joint(in_joints0.w, in_weights0.w, row0, row1, row2);
#ifdef SKIN_8
    add_joint(in_joints1.x, in_weights1.x, row0, row1, row2);
    add_joint(in_joints1.y, in_weights1.y, row0, row1, row2);
    add_joint(in_joints1.z, in_weights1.z, row0, row1, row2);
    add_joint(in_joints1.w, in_weights1.w, row0, row1, row2);
#endif
}
